"""What an operator does beside delivering, with the official Python client: keys for programs, figures, removal."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from svix.api import (
    AppUsageStatsIn,
    BulkExpungeContentsIn,
    EndpointIn,
    IntegrationIn,
    IntegrationUpdate,
    MessageGetOptions,
    Svix,
    SvixOptions,
)
from svix.exceptions import HttpError

from conftest import Customer, eventually
from server import Server


def test_an_integration_acts_for_its_application_with_its_key(server: Server, svix: Svix, customer: Customer) -> None:
    app_id = customer.app_id
    made = svix.integration.create(app_id, IntegrationIn(name="crm"))
    assert made.id.startswith("integ_")
    assert svix.integration.update(app_id, made.id, IntegrationUpdate(name="the crm")).name == "the crm"
    assert [found.name for found in svix.integration.list(app_id).data] == ["the crm"]

    key = svix.integration.rotate_key(app_id, made.id).key
    program = Svix(key, SvixOptions(server_url=server.url, retry_schedule=[]))
    assert [endpoint.id for endpoint in program.endpoint.list(app_id).data] == [customer.endpoint.id]
    with pytest.raises(HttpError) as refused:
        program.application.list()
    assert refused.value.status_code == 403

    svix.integration.delete(app_id, made.id)
    with pytest.raises(HttpError) as refused:
        program.endpoint.list(app_id)
    assert refused.value.status_code == 401


def finished(svix: Svix, task_id: str) -> dict[str, object]:
    """What a background task has found out, as soon as it is over."""
    task = eventually(lambda: (now := svix.background_task.get(task_id)).status != "running" and now)
    assert task.status == "finished"
    return task.data


def test_deliveries_and_event_types_are_told_for_each_application(svix: Svix, app_id: str) -> None:
    now = datetime.now(tz=timezone.utc)
    asked = AppUsageStatsIn(since=now - timedelta(days=1), until=now, app_ids=[app_id, "nobody"])
    counting = svix.statistics.aggregate_app_stats(asked)
    assert counting.unresolved_app_ids == ["nobody"]
    assert finished(svix, counting.id)["appStats"] == [{"appId": app_id, "appUid": None, "messageDestinations": 0}]

    svix.endpoint.create(app_id, EndpointIn(url="https://hooks.example/all"))
    gathered = finished(svix, svix.statistics.aggregate_event_types().id)["event_types"]
    ours = {"appId": app_id, "explicitlySubscribedEventTypes": [], "hasCatchAllEndpoint": True}
    assert ours in gathered


def test_the_contents_of_messages_are_removed(customer: Customer) -> None:
    messages = customer.svix.message
    sent = [customer.send({"n": n}) for n in range(3)]
    customer.arrived(3)

    def left() -> list[dict[str, object]]:
        options = MessageGetOptions(with_content=True)
        return [messages.get(customer.app_id, message.id, options).payload for message in sent]

    named = messages.bulk_expunge_content(customer.app_id, BulkExpungeContentsIn(ids=[sent[0].id, "nothing"]))
    assert named.results == {sent[0].id: "expunged", "nothing": "not-found"}
    assert left() == [{"expired": True}, {"n": 1}, {"n": 2}]

    purge = messages.expunge_all_contents(customer.app_id)
    assert finished(customer.svix, purge.id)["messagesPurged"] == 2
    assert left() == [{"expired": True}] * 3
