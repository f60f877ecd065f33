"""What is changed of an endpoint, with the official Python client: headers, and code of its owner."""

from __future__ import annotations

import pytest
from svix.api import (
    EndpointHeadersIn,
    EndpointHeadersPatchIn,
    EndpointPatch,
    EndpointTransformationIn,
    EndpointTransformationPatch,
    EventExampleIn,
    EventTypeIn,
    MessageIn,
    MessagePrecheckIn,
    Svix,
)
from svix.api import MessageAttemptListAttemptedMessagesOptions as Options
from svix.exceptions import HTTPValidationError
from svix.models import MessageStatus
from svix.webhooks import Webhook

from conftest import Customer, eventually, refused
from generation import put_headers, transformation, wants

LINES = """function handler(webhook) {
  webhook.payload = { total: webhook.payload.lines.length };
  webhook.headers["x-lines"] = "yes";
  webhook.cancel = webhook.payload.total === 0;
  return webhook;
}"""


def test_headers_are_added_changed_and_taken_away_one_by_one(customer: Customer) -> None:
    endpoint = customer.svix.endpoint
    where = (customer.app_id, customer.endpoint.id)
    put_headers(endpoint)(*where, EndpointHeadersIn(headers={"x-a": "1", "x-b": "2", "x-c": "3"}))
    patch = EndpointHeadersPatchIn(headers={"x-b": "two", "x-d": "4"}, delete_headers=["x-a"])
    endpoint.patch_headers(*where, patch)
    assert endpoint.get_headers(*where).headers == {"x-b": "two", "x-c": "3", "x-d": "4"}

    customer.send()
    headers = customer.arrived(1)[0].headers
    assert {name: headers.get(f"x-{name}") for name in "abcd"} == {"a": None, "b": "two", "c": "3", "d": "4"}


def test_code_of_its_owner_changes_what_arrives_and_calls_off_what_it_says(customer: Customer) -> None:
    get, patch = transformation(customer.svix)
    where = (customer.app_id, customer.endpoint.id)
    assert get(*where).enabled is False
    patch(*where, EndpointTransformationPatch(code=LINES, enabled=True))
    assert (get(*where).code, get(*where).enabled) == (LINES, True)

    none = customer.send({"lines": []})
    some = customer.send({"lines": ["a", "b"]})
    arrival = customer.arrived(1)[0]
    assert (arrival.message_id, arrival.body, arrival.headers["x-lines"]) == (some.id, b'{"total":2}', "yes")
    Webhook(customer.secret()).verify(arrival.body, arrival.headers)
    destinations = customer.svix.message_attempt.list_attempted_destinations
    # A failure to clients that do not ask for the newer states.
    eventually(lambda: destinations(customer.app_id, none.id).data[0].status == MessageStatus.FAIL)
    assert len(customer.receiver.arrivals(customer.path)) == 1

    with pytest.raises(HTTPValidationError) as wrong:
        patch(*where, EndpointTransformationPatch(code="no code"))
    assert wrong.value.detail[0].loc == ["body", "code"]
    assert get(*where).code == LINES, "what is refused changes nothing"


def test_the_operation_of_old_changes_the_same_code(customer: Customer) -> None:
    get, _ = transformation(customer.svix)
    where = (customer.app_id, customer.endpoint.id)
    change = customer.svix.endpoint.transformation_partial_update
    change(*where, EndpointTransformationIn(code=LINES, enabled=True))
    customer.send({"lines": ["a"]})
    assert customer.arrived(1)[0].body == b'{"total":1}'

    change(*where, EndpointTransformationIn(enabled=False))
    assert (get(*where).code, get(*where).enabled) == (LINES, False)
    customer.send({"lines": ["a"]})
    assert customer.arrived(2)[1].body == b'{"lines":["a"]}'


def test_an_example_arrives_that_the_event_type_has(svix: Svix, customer: Customer) -> None:
    name = f"example.{customer.app_id}"
    schemas = {"1": {"type": "object", "examples": [{"n": 41}]}}
    svix.event_type.create(EventTypeIn(name=name, description="", schemas=schemas))
    sent = svix.endpoint.send_example(customer.app_id, customer.endpoint.id, EventExampleIn(event_type=name))
    arrival = customer.arrived(1)[0]
    assert (arrival.message_id, arrival.body) == (sent.id, b'{"n":41}')
    assert sent.event_type == name
    unknown = EventExampleIn(event_type="never.made")
    refused(404, lambda: svix.endpoint.send_example(customer.app_id, customer.endpoint.id, unknown))


def test_whether_a_message_has_takers_is_told_beforehand(svix: Svix, customer: Customer) -> None:
    name = f"taken.{customer.app_id}"
    svix.event_type.create(EventTypeIn(name=name, description=""))
    svix.endpoint.patch(customer.app_id, customer.endpoint.id, EndpointPatch(channels=["eu"], **wants([name])))

    def active(event_type: str, *channels: str) -> bool:
        asked = MessagePrecheckIn(event_type=event_type, channels=list(channels) or None)
        return svix.message.precheck(customer.app_id, asked).active

    assert active(name, "eu") and active(name, "us", "eu")
    assert not active(name) and not active(name, "us") and not active("order.paid", "eu")
    # It is what comes of it.
    message = MessageIn(event_type=name, payload={}, channels=["eu"])
    assert customer.arrived(0) == []
    sent = svix.message.create(customer.app_id, message)
    assert [arrival.message_id for arrival in customer.arrived(1)] == [sent.id]


def test_the_messages_of_an_endpoint_are_listed_with_how_they_ended(customer: Customer) -> None:
    customer.receiver.answer(customer.path, 500)
    failing, fine = customer.send({"n": 1}), customer.send({"n": 2})
    customer.arrived(3)

    def listed(**options: object) -> list[tuple[str, MessageStatus, dict[str, object]]]:
        found = customer.svix.message_attempt.list_attempted_messages(
            customer.app_id, customer.endpoint.id, Options(**options)
        )
        return [(message.id, message.status, message.payload) for message in found.data]

    eventually(lambda: [status for _, status, _ in listed()] == [MessageStatus.SUCCESS] * 2)
    assert listed(with_content=True) == [
        (fine.id, MessageStatus.SUCCESS, {"n": 2}),
        (failing.id, MessageStatus.SUCCESS, {"n": 1}),
    ]
    assert listed(status=MessageStatus.FAIL) == []
    assert [message_id for message_id, _, _ in listed(limit=1)] == [fine.id]
