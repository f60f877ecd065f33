"""What an operator does beside delivering, with the official Python client: keys for programs, figures, removal."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from svix import api
from svix.api import (
    AppUsageStatsIn,
    EndpointIn,
    IntegrationIn,
    IntegrationUpdate,
    MessageGetOptions,
    MessageOut,
    Svix,
    SvixOptions,
)
from svix.exceptions import HttpError

from conftest import Customer, eventually, finished
from generation import needs, offers
from server import Server


def test_an_integration_acts_for_its_application_with_its_key(server: Server, svix: Svix, customer: Customer) -> None:
    app_id = customer.app_id
    made = svix.integration.create(app_id, IntegrationIn(name="crm"))
    assert made.id.startswith("integ_")
    assert svix.integration.update(app_id, made.id, IntegrationUpdate(name="the crm")).name == "the crm"
    assert [found.name for found in svix.integration.list(app_id).data] == ["the crm"]
    found = svix.integration.get(app_id, made.id)
    assert (found.id, found.name, found.created_at) == (made.id, "the crm", made.created_at)

    key = svix.integration.rotate_key(app_id, made.id).key
    if offers("integration.get_key"):
        assert svix.integration.get_key(app_id, made.id).key == key
    program = Svix(key, SvixOptions(server_url=server.url, retry_schedule=[]))
    assert [endpoint.id for endpoint in program.endpoint.list(app_id).data] == [customer.endpoint.id]
    with pytest.raises(HttpError) as refused:
        program.application.list()
    assert refused.value.status_code == 403

    svix.integration.delete(app_id, made.id)
    with pytest.raises(HttpError) as refused:
        program.endpoint.list(app_id)
    assert refused.value.status_code == 401


def test_deliveries_and_event_types_are_told_for_each_application(svix: Svix, app_id: str) -> None:
    now = datetime.now(tz=timezone.utc)
    asked = AppUsageStatsIn(since=now - timedelta(days=1), until=now, app_ids=[app_id, "nobody"])
    counting = svix.statistics.aggregate_app_stats(asked)
    assert counting.unresolved_app_ids == ["nobody"]
    assert finished(svix, counting.id).data["appStats"] == [{"appId": app_id, "appUid": None, "messageDestinations": 0}]

    svix.endpoint.create(app_id, EndpointIn(url="https://hooks.example/all"))
    gathered = finished(svix, svix.statistics.aggregate_event_types().id).data["event_types"]
    ours = {"appId": app_id, "explicitlySubscribedEventTypes": [], "hasCatchAllEndpoint": True}
    assert ours in gathered


def left(customer: Customer, sent: list[MessageOut]) -> list[dict[str, object]]:
    """The payloads of messages, as they are told now."""
    get, options = customer.svix.message.get, MessageGetOptions(with_content=True)
    return [get(customer.app_id, message.id, options).payload for message in sent]


def test_the_contents_of_messages_are_removed(customer: Customer) -> None:
    messages = customer.svix.message
    sent = [customer.send({"n": n}) for n in range(3)]
    customer.arrived(3)

    messages.expunge_content(customer.app_id, sent[1].id)
    assert left(customer, sent) == [{"n": 0}, {"expired": True}, {"n": 2}]

    purge = messages.expunge_all_contents(customer.app_id)
    assert finished(customer.svix, purge.id).data["messagesPurged"] == 2
    assert left(customer, sent) == [{"expired": True}] * 3


@needs("message.bulk_expunge_content")
def test_the_contents_of_many_messages_are_removed_at_once(customer: Customer) -> None:
    sent = [customer.send({"n": n}) for n in range(3)]
    asked = api.BulkExpungeContentsIn(ids=[sent[0].id, sent[2].id, "nothing"])
    named = customer.svix.message.bulk_expunge_content(customer.app_id, asked)
    assert named.results == {sent[0].id: "expunged", sent[2].id: "expunged", "nothing": "not-found"}
    assert left(customer, sent) == [{"expired": True}, {"n": 1}, {"expired": True}]


def test_the_answer_to_an_attempt_is_removed_and_the_rest_of_it_stays(customer: Customer) -> None:
    message = customer.send()
    attempts = customer.svix.message_attempt
    attempt = eventually(lambda: attempts.list_by_msg(customer.app_id, message.id).data)[0]
    assert attempts.get(customer.app_id, message.id, attempt.id).response == "status 200"
    attempts.expunge_content(customer.app_id, message.id, attempt.id)
    expunged = attempts.get(customer.app_id, message.id, attempt.id)
    assert (expunged.response, expunged.response_status_code) == ("EXPUNGED", 200)
