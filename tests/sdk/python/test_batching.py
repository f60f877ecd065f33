"""Endpoints that take several messages in one request: the official library verifies them as it does any other."""

from __future__ import annotations

import json
from typing import Any

import pytest
from svix.webhooks import Webhook, WebhookVerificationError

from conftest import Customer
from receiver import Arrival
from server import Server


def gather(server: Server, token: str, customer: Customer, batch: dict[str, int]) -> None:
    """Sets what the client's models do not know."""
    path = f"/app/{customer.app_id}/endpoint/{customer.endpoint.id}"
    assert server.ask("PATCH", path, token, {"batch": batch})["batch"] == batch


def elements(secret: str, arrival: Arrival) -> list[dict[str, Any]]:
    """The messages of a request, once it is known to be genuine."""
    Webhook(secret).verify(arrival.body, arrival.headers)
    batch: list[dict[str, Any]] = json.loads(arrival.body)
    assert arrival.message_id == batch[0]["id"] and arrival.headers["webhook-batch-size"] == str(len(batch))
    return batch


def test_messages_come_together_signed_as_a_whole_and_again_after_a_failure(
    server: Server, token: str, customer: Customer
) -> None:
    gather(server, token, customer, {"maxMessages": 3, "maxWaitMs": 60_000})
    customer.receiver.answer(customer.path, 500)
    sent = [customer.send({"n": n}) for n in range(3)]

    first, second = customer.arrived(2)
    for arrival in (first, second):
        batch = elements(customer.secret(), arrival)
        assert [element["id"] for element in batch] == [message.id for message in sent]
        assert [element["payload"] for element in batch] == [{"n": 0}, {"n": 1}, {"n": 2}]
        assert {element["eventType"] for element in batch} == {"order.paid"}
    with pytest.raises(WebhookVerificationError):
        Webhook(customer.secret()).verify(first.body.replace(b'"n":2', b'"n":3'), first.headers)


def test_what_does_not_fill_a_request_goes_when_it_has_waited(server: Server, token: str, customer: Customer) -> None:
    gather(server, token, customer, {"maxMessages": 100, "maxWaitMs": 200})
    message = customer.send()

    batch = elements(customer.secret(), customer.arrived(1)[0])
    assert [element["id"] for element in batch] == [message.id]
