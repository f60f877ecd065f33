"""Sending again what was sent, failed or missed, with the official Python client: tasks in the background."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from svix.api import (
    BackgroundTaskListOptions,
    BulkReplayIn,
    EndpointGetStatsOptions,
    EndpointIn,
    MessageAttemptListAttemptedMessagesOptions,
    RecoverIn,
    ReplayIn,
    Svix,
)
from svix.models import BackgroundTaskStatus, BackgroundTaskType, MessageStatus

from conftest import Customer, eventually, finished, refused
from generation import offers
from receiver import Receiver
from server import Server


def an_hour_ago() -> datetime:
    return datetime.now(tz=timezone.utc) - timedelta(hours=1)


def with_status(customer: Customer, status: MessageStatus) -> list[str]:
    """The ids of the messages whose delivery stands so."""
    found = customer.svix.message_attempt.list_attempted_messages(
        customer.app_id, customer.endpoint.id, MessageAttemptListAttemptedMessagesOptions(status=status)
    )
    return [message.id for message in found.data]


@pytest.fixture
def failed(server: Server, token: str, customer: Customer) -> list[str]:
    """The ids of two messages that have failed for good, and of one that arrived; a failure is not tried again."""
    path = f"/app/{customer.app_id}/endpoint/{customer.endpoint.id}"
    server.ask("PATCH", path, token, {"retrySchedule": []})
    customer.receiver.answer(customer.path, 500, 503, 200)
    ids = []
    for n in range(3):
        ids.append(customer.send({"n": n}).id)
        customer.arrived(n + 1)
    eventually(lambda: len(with_status(customer, MessageStatus.FAIL)) == 2)
    eventually(lambda: len(with_status(customer, MessageStatus.SUCCESS)) == 1)
    return ids


def test_deliveries_of_an_endpoint_are_counted_by_how_they_ended(customer: Customer, failed: list[str]) -> None:
    count = customer.svix.endpoint.get_stats
    now = eventually(lambda: (now := count(customer.app_id, customer.endpoint.id)).success == 1 and now)
    assert (now.success, now.fail, now.pending, now.sending, now.canceled) == (1, 2, 0, 0, 0)
    since = datetime.now(tz=timezone.utc) - timedelta(days=3)
    before = EndpointGetStatsOptions(since=since, until=since + timedelta(days=1))
    now = count(customer.app_id, customer.endpoint.id, before)
    assert (now.success, now.fail) == (0, 0)
    if offers("endpoint.get_attempt_stats"):
        ended = customer.svix.endpoint.get_attempt_stats(customer.app_id, customer.endpoint.id)
        assert (ended.success, ended.fail, ended.canceled) == (1, 2, 0)


def test_what_failed_is_recovered(customer: Customer, failed: list[str]) -> None:
    endpoint, app_id = customer.endpoint.id, customer.app_id
    started = customer.svix.endpoint.recover(app_id, endpoint, RecoverIn(since=an_hour_ago()))
    assert started.id.startswith("qtask_") and started.task == BackgroundTaskType.ENDPOINT_RECOVER

    data = finished(customer.svix, started.id).data
    assert (data["endpointId"], data["deliveriesChanged"]) == (endpoint, 2)
    again = [arrival.message_id for arrival in customer.arrived(5)[3:]]
    assert sorted(again) == sorted(failed[:2])
    eventually(lambda: len(with_status(customer, MessageStatus.SUCCESS)) == 3)
    assert with_status(customer, MessageStatus.FAIL) == []


def test_those_of_a_type_or_state_are_sent_again(customer: Customer, failed: list[str]) -> None:
    endpoint, app_id = customer.endpoint.id, customer.app_id
    other = customer.send(event_type="order.refunded").id
    customer.arrived(4)

    def replay(**scope: object) -> dict[str, object]:
        asked = BulkReplayIn(since=an_hour_ago(), **scope)
        started = customer.svix.endpoint.bulk_replay(app_id, endpoint, asked)
        assert started.task == BackgroundTaskType.ENDPOINT_BULK_REPLAY
        return finished(customer.svix, started.id).data

    eventually(lambda: len(with_status(customer, MessageStatus.SUCCESS)) == 2)
    assert replay(event_types=["order.refunded"])["deliveriesChanged"] == 1
    assert [arrival.message_id for arrival in customer.arrived(5)[4:]] == [other]

    assert replay(status=MessageStatus.FAIL)["deliveriesChanged"] == 2
    assert sorted(arrival.message_id for arrival in customer.arrived(7)[5:]) == sorted(failed[:2])

    eventually(lambda: not with_status(customer, MessageStatus.FAIL))
    assert replay(status=MessageStatus.FAIL)["deliveriesChanged"] == 0
    refused(422, lambda: replay(until=an_hour_ago() - timedelta(hours=1)))


def test_an_endpoint_gets_what_came_before_it(svix: Svix, customer: Customer, receiver: Receiver) -> None:
    sent = [customer.send({"n": n}).id for n in range(3)]
    late = svix.endpoint.create(customer.app_id, EndpointIn(url=receiver.url(f"{customer.path}/late"))).id
    after = customer.send({"n": 3}).id
    assert [arrival.message_id for arrival in receiver.wait_for(f"{customer.path}/late", 1)] == [after]

    started = svix.endpoint.replay_missing(customer.app_id, late, ReplayIn(since=an_hour_ago()))
    assert started.task == BackgroundTaskType.ENDPOINT_REPLAY
    assert finished(svix, started.id).data["deliveriesChanged"] == 3
    missed = receiver.wait_for(f"{customer.path}/late", 4)[1:]
    assert sorted(arrival.message_id for arrival in missed) == sorted(sent)
    assert len(receiver.arrivals(customer.path)) == 4, "the one that had them gets them no more"


def test_tasks_are_listed_newest_first_by_kind_and_state(svix: Svix, customer: Customer) -> None:
    asked = RecoverIn(since=an_hour_ago())
    started = [svix.endpoint.recover(customer.app_id, customer.endpoint.id, asked).id for _ in range(3)]
    for task_id in started:
        finished(svix, task_id)

    def listed(**options: object) -> list[str]:
        found = svix.background_task.list(BackgroundTaskListOptions(limit=3, **options)).data
        return [task.id for task in found]

    recoveries = {"task": BackgroundTaskType.ENDPOINT_RECOVER}
    assert listed() == listed(**recoveries) == started[::-1]
    assert listed(status=BackgroundTaskStatus.FINISHED, **recoveries) == started[::-1]
    assert listed(status=BackgroundTaskStatus.RUNNING, **recoveries) == []
    assert listed(task=BackgroundTaskType.ENDPOINT_BULK_REPLAY) != listed()
