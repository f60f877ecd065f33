"""Messages that are asked for, with the official Python client."""

from __future__ import annotations

import pytest
from svix import api
from svix.api import (
    MessageIn,
    MessagePollerConsumerPollOptions,
    MessagePollerPollOptions,
    PollingEndpointConsumerSeekIn,
    Svix,
)

from conftest import refused
from generation import needs
from server import Server


def send(svix: Svix, app_id: str, event_type: str, n: int) -> str:
    return svix.message.create(app_id, MessageIn(event_type=event_type, payload={"n": n})).id


@pytest.fixture
def sink(server: Server, token: str, app_id: str) -> str:
    """A polling endpoint of the application. The client of the generation before reads from one, and cannot make it."""
    made = server.ask("POST", f"/app/{app_id}/destination", token, {"type": "pollingEndpoint", "config": {}})
    return str(made["id"])


@needs("destination.create")
def test_a_polling_endpoint_is_made_changed_and_deleted(svix: Svix, app_id: str) -> None:
    made = svix.destination.create(app_id, api.DestinationIn(type="pollingEndpoint", uid="nightly"))
    assert (made.type, made.uid, made.status) == ("pollingEndpoint", "nightly", "enabled")
    assert svix.destination.get(app_id, "nightly") == made
    patch = api.DestinationPatch(type="pollingEndpoint", channels=["eu"])
    patched = svix.destination.patch(app_id, made.id, patch)
    assert (patched.uid, patched.channels) == ("nightly", ["eu"])

    replaced = svix.destination.upsert(app_id, made.id, api.DestinationIn(type="pollingEndpoint", uid="daily"))
    assert (replaced.id, replaced.uid, replaced.channels) == (made.id, "daily", None)
    other = svix.destination.upsert(app_id, "hourly", api.DestinationIn(type="pollingEndpoint", uid="hourly"))
    assert other.id != made.id
    assert {found.id for found in svix.destination.list(app_id).data} == {made.id, other.id}

    svix.destination.delete(app_id, made.id)
    assert [found.id for found in svix.destination.list(app_id).data] == [other.id]
    refused(404, lambda: svix.message.poller.poll(app_id, made.id))


@needs("destination.create")
def test_a_polling_endpoint_of_one_channel_has_its_messages_alone(svix: Svix, app_id: str) -> None:
    only_eu = api.DestinationIn(type="pollingEndpoint", channels=["eu"])
    sink = svix.destination.create(app_id, only_eu).id
    message = MessageIn(event_type="order.paid", payload={"n": 1}, channels=["eu"])
    matching = svix.message.create(app_id, message).id
    send(svix, app_id, "order.paid", 2)
    assert [found.id for found in svix.message.poller.poll(app_id, sink).data] == [matching]


def test_messages_are_polled_in_order_with_an_iterator(svix: Svix, app_id: str, sink: str) -> None:
    wanted, other = f"wanted.{app_id}", f"other.{app_id}"
    sent = []
    for n in range(7):
        sent.append(send(svix, app_id, wanted, n))
        send(svix, app_id, other, n)
    read, iterator, done = [], None, False
    while not done:
        options = MessagePollerPollOptions(limit=3, iterator=iterator, event_type=wanted)
        page = svix.message.poller.poll(app_id, sink, options)
        read += page.data
        iterator, done = page.iterator, page.done
    assert [message.id for message in read] == sent
    assert [message.payload for message in read] == [{"n": n} for n in range(7)]


def test_a_consumer_goes_on_where_it_was_and_can_be_put_elsewhere(svix: Svix, app_id: str, sink: str) -> None:
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
