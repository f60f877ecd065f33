"""The official Python client against Ringback: what its users rely on works by changing the server's address."""

from __future__ import annotations

import asyncio
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from svix.api import (
    ApplicationIn,
    ApplicationListOptions,
    EndpointHeadersIn,
    EndpointIn,
    EndpointPatch,
    EndpointSecretRotateIn,
    EventExampleIn,
    EventTypeIn,
    MessageAttemptListByEndpointOptions,
    MessageAttemptListByMsgOptions,
    MessageCreateOptions,
    MessageGetOptions,
    MessageIn,
    MessageListOptions,
    Svix,
    SvixAsync,
    SvixOptions,
)
from svix.exceptions import HttpError, HTTPValidationError
from svix.models import MessageAttemptTriggerType, MessageStatus, Ordering
from svix.webhooks import Webhook, WebhookVerificationError

from conftest import Customer, eventually
from generation import EndpointPut, put, put_headers, wanted, wants
from receiver import Arrival
from server import Server


def verify(secret: str, arrival: Arrival) -> None:
    Webhook(secret).verify(arrival.body, arrival.headers)


# --- Configuration --------------------------------------------------------------------------------------------------


def test_an_application_is_found_by_its_id_and_by_its_uid(svix: Svix) -> None:
    uid = f"customer-{uuid.uuid4()}"
    created = svix.application.create(ApplicationIn(name="Acme", uid=uid, metadata={"plan": "gold"}))

    assert created.id.startswith("app_") and len(created.id) == len("app_") + 27
    assert svix.application.get(created.id) == created
    assert svix.application.get(uid) == created
    assert svix.application.get_or_create(ApplicationIn(name="Other", uid=uid)) == created
    assert created.metadata == {"plan": "gold"}


def test_a_deleted_application_is_gone_and_its_uid_is_free(svix: Svix) -> None:
    uid = f"customer-{uuid.uuid4()}"
    first = svix.application.create(ApplicationIn(name="first", uid=uid))
    svix.application.delete(uid)

    with pytest.raises(HttpError) as refused:
        svix.application.get(first.id)
    assert refused.value.status_code == 404
    assert svix.application.create(ApplicationIn(name="second", uid=uid)).id != first.id


def test_an_event_type_is_created_listed_and_updated(svix: Svix) -> None:
    name = f"user.{uuid.uuid4().hex}"
    created = svix.event_type.create(EventTypeIn(name=name, description="A user has signed up"))

    assert created.name == name and created.deprecated is False
    assert svix.event_type.get(name).description == "A user has signed up"
    assert name in [event_type.name for event_type in svix.event_type.list().data]


def test_an_endpoint_is_created_replaced_and_patched(svix: Svix, app_id: str) -> None:
    svix.event_type.create(EventTypeIn(name=f"sms.{app_id}", description="A report"))
    created = svix.endpoint.create(
        app_id,
        EndpointIn(
            url="https://hooks.example/a?b=c",
            uid="main",
            description="reports",
            channels=["eu"],
            throttle_rate=50,
            metadata={"team": "sms"},
            **wants([f"sms.{app_id}"]),
        ),
    )
    assert created.id.startswith("ep_")
    assert svix.endpoint.get(app_id, "main") == created
    assert wanted(created) == [f"sms.{app_id}"] and created.channels == ["eu"] and created.throttle_rate == 50

    patched = svix.endpoint.patch(app_id, "main", EndpointPatch(disabled=True, **wants(None)))
    assert patched.disabled and wanted(patched) is None
    assert (patched.url, patched.channels, patched.metadata) == (created.url, ["eu"], {"team": "sms"})

    replaced = put(svix.endpoint)(app_id, "main", EndpointPut(url="https://hooks.example/new", uid="main"))
    assert (replaced.id, replaced.url, replaced.channels) == (created.id, "https://hooks.example/new", None)

    svix.endpoint.delete(app_id, "main")
    assert svix.endpoint.list(app_id).data == []


def test_headers_of_an_endpoint_are_sent_and_secret_ones_are_not_shown(customer: Customer) -> None:
    headers = {"x-tenant": "acme", "authorization": "Bearer of-the-customer"}
    put_headers(customer.svix.endpoint)(customer.app_id, customer.endpoint.id, EndpointHeadersIn(headers=headers))

    shown = customer.svix.endpoint.get_headers(customer.app_id, customer.endpoint.id)
    assert shown.headers == {"x-tenant": "acme"} and shown.sensitive == ["authorization"]

    customer.send()
    arrival = customer.arrived(1)[0]
    assert {name: arrival.headers.get(name) for name in headers} == headers


# --- Delivery and its proof -----------------------------------------------------------------------------------------


def test_a_message_arrives_signed_with_its_payload_unchanged(customer: Customer) -> None:
    payload = {"z": 1, "a": {"text": "grün ✓", "nothing": None}, "list": [1.5, "x", True]}
    message = customer.send(payload)
    arrival = customer.arrived(1)[0]

    verify(customer.secret(), arrival)
    assert arrival.message_id == message.id
    assert arrival.headers["content-type"] == "application/json"
    assert arrival.body.decode() == '{"z":1,"a":{"text":"grün ✓","nothing":null},"list":[1.5,"x",true]}'


def test_another_secret_or_another_body_is_not_accepted(customer: Customer) -> None:
    customer.send()
    arrival = customer.arrived(1)[0]

    with pytest.raises(WebhookVerificationError):
        verify("whsec_" + "A" * 32, arrival)
    with pytest.raises(WebhookVerificationError):
        Webhook(customer.secret()).verify(arrival.body + b" ", arrival.headers)


def test_both_secrets_hold_while_the_old_one_has_its_grace(customer: Customer) -> None:
    old = customer.secret()
    customer.send()
    verify(old, customer.arrived(1)[0])

    answer = customer.svix.endpoint.rotate_secret(customer.app_id, customer.endpoint.id, EndpointSecretRotateIn())
    new = customer.secret()
    assert new != old and (answer is None or answer.key == new)

    customer.send()
    arrival = customer.arrived(2)[1]
    verify(new, arrival)
    verify(old, arrival)


def test_a_secret_rotated_without_grace_holds_no_longer(customer: Customer) -> None:
    old = customer.secret()
    chosen = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    rotation = EndpointSecretRotateIn(key=chosen, grace_period_seconds=0)
    customer.svix.endpoint.rotate_secret(customer.app_id, customer.endpoint.id, rotation)
    assert customer.secret() == chosen

    customer.send()
    arrival = customer.arrived(1)[0]
    verify(chosen, arrival)
    with pytest.raises(WebhookVerificationError):
        verify(old, arrival)


def test_only_matching_event_types_and_channels_are_sent(svix: Svix, customer: Customer) -> None:
    svix.event_type.create(EventTypeIn(name=f"only.{customer.app_id}", description="The one that matches"))
    patch = EndpointPatch(channels=["eu"], **wants([f"only.{customer.app_id}"]))
    svix.endpoint.patch(customer.app_id, customer.endpoint.id, patch)

    def send(event_type: str, *channels: str) -> str:
        message = MessageIn(event_type=event_type, payload={}, channels=list(channels))
        return svix.message.create(customer.app_id, message).id

    send("order.paid", "eu")
    send(f"only.{customer.app_id}", "us")
    matching = send(f"only.{customer.app_id}", "us", "eu")

    assert [arrival.message_id for arrival in customer.arrived(1)] == [matching]
    attempts = svix.message_attempt
    eventually(lambda: attempts.list_by_endpoint(customer.app_id, customer.endpoint.id).data)
    destinations = attempts.list_attempted_destinations(customer.app_id, matching).data
    assert [(to.id, to.status) for to in destinations] == [(customer.endpoint.id, MessageStatus.SUCCESS)]
    attempted = attempts.list_by_endpoint(customer.app_id, customer.endpoint.id).data
    assert [attempt.msg_id for attempt in attempted] == [matching]


# --- Messages -------------------------------------------------------------------------------------------------------


def test_a_message_is_read_back_with_its_content_only_on_request(customer: Customer) -> None:
    message = MessageIn(event_type="order.paid", event_id="order-7", payload={"total": 12}, channels=["eu"])
    created = customer.svix.message.create(customer.app_id, message, MessageCreateOptions(with_content=False))
    assert created.id.startswith("msg_") and created.event_id == "order-7" and created.payload == {}

    full = customer.svix.message.get(customer.app_id, "order-7", MessageGetOptions(with_content=True))
    assert (full.id, full.payload, full.channels) == (created.id, {"total": 12}, ["eu"])


def test_the_same_idempotency_key_gives_the_first_message_and_one_delivery(customer: Customer) -> None:
    message = MessageIn(event_type="order.paid", payload={"n": 1})
    options = MessageCreateOptions(idempotency_key=str(uuid.uuid4()))
    first = customer.svix.message.create(customer.app_id, message, options)
    again = customer.svix.message.create(customer.app_id, message, options)
    assert again == first

    # The message after it is the second and last to arrive: the repeat made no delivery of its own.
    last = customer.send()
    assert {arrival.message_id for arrival in customer.arrived(2)} == {first.id, last.id}
    listed = customer.svix.message.list(customer.app_id).data
    assert [entry.id for entry in listed] == [last.id, first.id]


def test_the_same_idempotency_key_with_another_body_is_refused(customer: Customer) -> None:
    options = MessageCreateOptions(idempotency_key=str(uuid.uuid4()))
    customer.svix.message.create(customer.app_id, MessageIn(event_type="order.paid", payload={"n": 1}), options)

    with pytest.raises(HttpError) as refused:
        customer.svix.message.create(customer.app_id, MessageIn(event_type="order.paid", payload={"n": 2}), options)
    assert refused.value.status_code == 409


def test_120_messages_are_paged_newest_first_there_and_back(customer: Customer) -> None:
    sent = [customer.send({"n": n}).id for n in range(120)]

    pages, iterator = [], None
    while True:
        page = customer.svix.message.list(customer.app_id, MessageListOptions(limit=50, iterator=iterator))
        pages.append(page)
        if page.done:
            break
        iterator = page.iterator

    ids = [[message.id for message in page.data] for page in pages]
    assert [len(page) for page in ids] == [50, 50, 20]
    assert [message_id for page in ids for message_id in page] == sent[::-1]
    assert [page.iterator for page in pages] == [page[-1] for page in ids]

    back = customer.svix.message.list(customer.app_id, MessageListOptions(limit=50, iterator=pages[1].prev_iterator))
    assert [message.id for message in back.data] == ids[0]

    arrivals = customer.arrived(120)
    assert {arrival.message_id for arrival in arrivals} == set(sent)
    secret = customer.secret()
    for arrival in arrivals:
        verify(secret, arrival)


def test_messages_are_filtered_by_time_and_event_type(customer: Customer) -> None:
    customer.send()
    soon = datetime.now(tz=timezone.utc) + timedelta(minutes=1)

    def count(**options: object) -> int:
        return len(customer.svix.message.list(customer.app_id, MessageListOptions(**options)).data)

    assert count(before=soon) == 1
    assert count(after=soon) == 0
    assert count(event_types=["order.paid", "order.refunded"]) == 1
    assert count(event_types=["order.refunded"]) == 0


# --- Attempts -------------------------------------------------------------------------------------------------------


def test_an_attempt_is_listed_by_message_and_by_endpoint(customer: Customer) -> None:
    message = customer.send()
    attempts = customer.svix.message_attempt
    with_answer = MessageAttemptListByMsgOptions(with_content=True)
    found = eventually(lambda: attempts.list_by_msg(customer.app_id, message.id, with_answer).data)

    assert len(found) == 1
    attempt = found[0]
    assert attempt.id.startswith("atmpt_")
    assert (attempt.msg_id, attempt.endpoint_id) == (message.id, customer.endpoint.id)
    assert (attempt.status, attempt.response_status_code) == (MessageStatus.SUCCESS, 200)
    assert (attempt.response, attempt.url) == ("status 200", customer.endpoint.url)
    assert attempt.trigger_type == MessageAttemptTriggerType.SCHEDULED

    by_endpoint = attempts.list_by_endpoint(customer.app_id, customer.endpoint.id).data
    assert [entry.id for entry in by_endpoint] == [attempt.id]
    assert attempts.get(customer.app_id, message.id, attempt.id).id == attempt.id


def test_a_failure_is_tried_again_and_both_attempts_are_shown(customer: Customer) -> None:
    customer.receiver.answer(customer.path, 500)
    message = customer.send()
    first, second = customer.arrived(2)
    assert first.message_id == second.message_id == message.id
    verify(customer.secret(), second)

    def listed(**options: object) -> list[int]:
        found = customer.svix.message_attempt.list_by_endpoint(
            customer.app_id, customer.endpoint.id, MessageAttemptListByEndpointOptions(**options)
        )
        return [attempt.response_status_code for attempt in found.data]

    eventually(lambda: len(listed()) == 2)
    assert listed() == [200, 500]
    assert listed(status=MessageStatus.FAIL) == [500]
    assert listed(status=MessageStatus.SUCCESS) == [200]


def test_a_resend_is_an_attempt_more_with_the_same_message_id(customer: Customer) -> None:
    message = customer.send()
    customer.arrived(1)
    attempts = customer.svix.message_attempt
    attempts.resend(customer.app_id, message.id, customer.endpoint.id)

    assert [arrival.message_id for arrival in customer.arrived(2)] == [message.id] * 2
    eventually(lambda: len(attempts.list_by_msg(customer.app_id, message.id).data) == 2)
    assert [attempt.trigger_type for attempt in attempts.list_by_msg(customer.app_id, message.id).data] == [
        MessageAttemptTriggerType.MANUAL,
        MessageAttemptTriggerType.SCHEDULED,
    ]


def test_an_attempt_is_listed_with_its_message_on_request(customer: Customer) -> None:
    message = customer.send({"n": 1})
    customer.arrived(1)
    attempts = customer.svix.message_attempt
    options = MessageAttemptListByEndpointOptions(with_msg=True)
    attempt = eventually(lambda: attempts.list_by_endpoint(customer.app_id, customer.endpoint.id, options).data)[0]
    assert attempt.msg is not None and (attempt.msg.id, attempt.msg.event_type) == (message.id, "order.paid")
    assert attempt.msg.payload == {}, "payloads are never in it"
    assert attempts.list_by_endpoint(customer.app_id, customer.endpoint.id).data[0].msg is None


def test_an_example_is_chosen_and_flags_of_an_event_type_are_a_list(svix: Svix, customer: Customer) -> None:
    name = f"flagged.{customer.app_id}"
    schema = {"1": {"type": "object", "examples": [{"n": 0}, {"n": 1}]}}
    made = svix.event_type.create(EventTypeIn(name=name, description="", schemas=schema, feature_flags=["beta"]))
    assert (made.feature_flag, made.feature_flags) == ("beta", ["beta"])
    example = EventExampleIn(event_type=name, example_index=1)
    svix.endpoint.send_example(customer.app_id, customer.endpoint.id, example)
    assert customer.arrived(1)[0].body == b'{"n":1}'


def test_applications_without_endpoints_are_left_out_on_request(svix: Svix, customer: Customer) -> None:
    bare = svix.application.create(ApplicationIn(name="bare"))
    options = ApplicationListOptions(limit=250, exclude_apps_with_no_endpoints=True)
    listed = [application.id for application in svix.application.list(options).data]
    assert customer.app_id in listed and bare.id not in listed


# --- Errors ---------------------------------------------------------------------------------------------------------


def test_what_does_not_exist_is_404_with_a_code(svix: Svix, app_id: str) -> None:
    unknown = "_" + "0" * 27
    for read in (
        lambda: svix.application.get("app" + unknown),
        lambda: svix.endpoint.get(app_id, "ep" + unknown),
        lambda: svix.message.get(app_id, "msg" + unknown),
        lambda: svix.event_type.get("never.made"),
        lambda: svix.message.create("app" + unknown, MessageIn(event_type="order.paid", payload={})),
    ):
        with pytest.raises(HttpError) as refused:
            read()
        assert (refused.value.status_code, refused.value.code) == (404, "not_found")
        assert refused.value.detail


def test_a_wrong_token_is_401_with_a_code(server: Server, token: str) -> None:
    for wrong in ("nonsense", token[:-6] + ("AAAAAA" if token[-6:] != "AAAAAA" else "BBBBBB")):
        stranger = Svix(wrong, SvixOptions(server_url=server.url, retry_schedule=[]))
        with pytest.raises(HttpError) as refused:
            stranger.application.list()
        assert (refused.value.status_code, refused.value.code) == (401, "authentication_failed")


def test_a_uid_and_an_event_id_in_use_are_409_with_a_code(svix: Svix, customer: Customer) -> None:
    uid = f"customer-{uuid.uuid4()}"
    svix.application.create(ApplicationIn(name="first", uid=uid))
    with pytest.raises(HttpError) as refused:
        svix.application.create(ApplicationIn(name="second", uid=uid))
    assert (refused.value.status_code, refused.value.code) == (409, "conflict")

    message = MessageIn(event_type="order.paid", event_id="once", payload={})
    svix.message.create(customer.app_id, message)
    with pytest.raises(HttpError) as refused:
        svix.message.create(customer.app_id, message)
    assert (refused.value.status_code, refused.value.code) == (409, "conflict")


def test_an_invalid_field_is_422_and_named(svix: Svix, app_id: str) -> None:
    with pytest.raises(HTTPValidationError) as refused:
        svix.endpoint.create(app_id, EndpointIn(url="ftp://hooks.example/"))
    assert refused.value.status_code == 422
    assert [entry.loc for entry in refused.value.detail] == [["body", "url"]]
    assert refused.value.detail[0].msg and refused.value.detail[0].type

    with pytest.raises(HTTPValidationError) as refused:
        svix.message.list(app_id, MessageListOptions(limit=251))
    assert [entry.loc for entry in refused.value.detail] == [["query", "limit"]]


# --- The rest of the client -----------------------------------------------------------------------------------------


def test_applications_are_listed_in_both_orders(svix: Svix) -> None:
    made = [svix.application.create(ApplicationIn(name=f"listed {n}")).id for n in range(3)]

    def listed(order: Ordering) -> list[str]:
        found, iterator = [], None
        while True:
            page = svix.application.list(ApplicationListOptions(limit=250, iterator=iterator, order=order))
            found += [application.id for application in page.data if application.id in made]
            if page.done:
                return found
            iterator = page.iterator

    assert listed(Ordering.ASCENDING) == made
    assert listed(Ordering.DESCENDING) == made[::-1]


def test_the_asynchronous_client_works_as_well(server: Server, token: str, customer: Customer) -> None:
    async def send() -> str:
        client = SvixAsync(token, SvixOptions(server_url=server.url, retry_schedule=[]))
        message = MessageIn(event_type="order.paid", payload={"from": "asyncio"})
        return (await client.message.create(customer.app_id, message)).id

    message_id = asyncio.run(send())
    assert customer.arrived(1)[0].message_id == message_id
