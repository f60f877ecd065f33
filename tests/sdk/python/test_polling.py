"""Messages that are asked for, with the official Python client."""

from __future__ import annotations

import pytest
from svix.api import (
    DestinationIn,
    DestinationPatch,
    EventTypeIn,
    MessageIn,
    MessagePollerConsumerPollOptions,
    MessagePollerPollOptions,
    PollingEndpointConsumerSeekIn,
    Svix,
)
from svix.exceptions import HttpError


def send(svix: Svix, app_id: str, event_type: str, n: int) -> str:
    return svix.message.create(app_id, MessageIn(event_type=event_type, payload={"n": n})).id


def test_a_polling_endpoint_is_made_changed_and_deleted(svix: Svix, app_id: str) -> None:
    made = svix.destination.create(app_id, DestinationIn(type="pollingEndpoint", uid="nightly"))
    assert (made.type, made.uid, made.status) == ("pollingEndpoint", "nightly", "enabled")
    assert svix.destination.get(app_id, "nightly") == made
    patched = svix.destination.patch(app_id, made.id, DestinationPatch(type="pollingEndpoint", channels=["eu"]))
    assert (patched.uid, patched.channels) == ("nightly", ["eu"])
    assert [found.id for found in svix.destination.list(app_id).data] == [made.id]
    svix.destination.delete(app_id, made.id)
    with pytest.raises(HttpError) as refused:
        svix.message.poller.poll(app_id, made.id)
    assert refused.value.status_code == 404


def test_messages_are_polled_in_order_with_an_iterator(svix: Svix, app_id: str) -> None:
    wanted, other = f"wanted.{app_id}", f"other.{app_id}"
    for name in (wanted, other):
        svix.event_type.create(EventTypeIn(name=name, description="Asked for"))
    sink = svix.destination.create(app_id, DestinationIn(type="pollingEndpoint", event_types=[wanted])).id
    sent = []
    for n in range(7):
        sent.append(send(svix, app_id, wanted, n))
        send(svix, app_id, other, n)
    read, iterator, done = [], None, False
    while not done:
        page = svix.message.poller.poll(app_id, sink, MessagePollerPollOptions(limit=3, iterator=iterator))
        read += page.data
        iterator, done = page.iterator, page.done
    assert [message.id for message in read] == sent
    assert [message.payload for message in read] == [{"n": n} for n in range(7)]


def test_a_consumer_goes_on_where_it_was_and_can_be_put_elsewhere(svix: Svix, app_id: str) -> None:
    sink = svix.destination.create(app_id, DestinationIn(type="pollingEndpoint")).id
    sent = [send(svix, app_id, "order.paid", n) for n in range(4)]

    def poll(**options: object) -> tuple[list[str], str]:
        page = svix.message.poller.consumer_poll(app_id, sink, "crm", MessagePollerConsumerPollOptions(**options))
        return [message.id for message in page.data], page.iterator

    first, iterator = poll(limit=2)
    assert first == sent[:2] == poll(limit=2)[0]
    assert poll(iterator=iterator)[0] == sent[2:] == poll()[0]

    begin = svix.message.get(app_id, sent[0]).timestamp
    svix.message.poller.consumer_seek(app_id, sink, "crm", PollingEndpointConsumerSeekIn(after=begin))
    assert poll()[0] == sent
