"""Requests in the dialect of a provider are genuine to the provider's own packages, and not with one byte changed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest

import judges
from cases import Case, Draw
from conftest import SEED
from customer import Api, Customer, Refused
from receiver import Receiver
from request import Request

KEY = bytes(range(32))
PUBLIC_KEY = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
SECRETS = {"twilio": "test_secret_0123456789abcdef", "telnyx": base64.b64encode(KEY).decode()}
PREVIEWED, DELIVERED = 200, 40
# URLs that programs do not read alike: default ports, letters of either case, characters that some escape.
DOUBTFUL = [
    "https://h.example:443/", "http://h.example:80/a?b=c", "https://H.example/A", "https://h.example",
    "https://h.example?a=b", "https://h.example/a?", "https://h.example/a;", "https://h.example/a;b?c",
    "https://h.example/%7e%2f", "https://h.example/a//b", "https://h.example/a?q='x'", "https://h.example/'x'",
    "https://h.example/é?ü=ß", "https://h.example/a/../b", "https://h.example/a?b#c", "https://h.example/a|b?c|d",
    "https://h.example/{x}", "https://h.example/a?b=%c3%a9&b=+&b", "https://h.example/a?b=[1]&c={2}",
    "https://user:pass@h.example/a?b", "https://h.example/a?bodySHA256=0", "https://h.example/a?b=\"c\"",
    "https://h.example/a^b?c^d", "https://h.example/a?&&", "https://bücher.example/", "https://h.example./a",
    "https://127.1/a", "https://h.example/a?b=c?d/e",
]  # fmt: skip

Judge = Callable[[list[Request], str, str], list[bool]]
without_node = pytest.mark.skipif(judges.NODE_PACKAGES is None, reason="the packages for Node are not installed")
each_provider = pytest.mark.parametrize("provider", SECRETS)
each_language = pytest.mark.parametrize("judge", [judges.python, pytest.param(judges.node, marks=without_node)])


@pytest.fixture(scope="module")
def previewed(api: Api) -> dict[str, list[Request]]:
    """Requests as they would go out to hosts that are nowhere."""
    app = api.post("/app", {"name": "preview"})["id"]
    drawn = {provider: Draw(provider, secret, SEED) for provider, secret in SECRETS.items()}
    return {
        provider: [preview(api, app, draw.case()) for _ in range(PREVIEWED)] for provider, draw in drawn.items()
    }


@pytest.fixture(scope="module")
def delivered(api: Api, receiver: Receiver) -> dict[str, list[Request]]:
    """Requests as they came in."""
    return {provider: deliver_all(api, receiver, provider) for provider in SECRETS}


def preview(api: Api, app: str, case: Case) -> Request:
    asked = {**case.endpoint, "eventType": case.event_type, "payload": case.payload}
    request = api.post(f"/app/{app}/endpoint/preview", asked)["request"]
    return Request.previewed(case.endpoint["dialect"], request)


def deliver_all(api: Api, receiver: Receiver, provider: str) -> list[Request]:
    draw = Draw(provider, SECRETS[provider], SEED)
    for at in range(DELIVERED):
        case = draw.case(receiver.url(f"/{provider}/{at}"))
        customer = Customer(api, case.endpoint)
        customer.wait_until_delivered(customer.send(case.event_type, case.payload))
    arrivals = [arrival for arrival in receiver.all() if arrival.path.startswith(f"/{provider}/")]
    assert len(arrivals) == DELIVERED
    return [Request.arrived(provider, arrival) for arrival in arrivals]


def refused(judge: Judge, provider: str, requests: list[Request], public_key: str = PUBLIC_KEY) -> list[Request]:
    verdicts = judge(requests, SECRETS[provider], public_key)
    assert len(verdicts) == len(requests)
    return [request for request, verdict in zip(requests, verdicts) if not verdict]


@each_provider
@each_language
def test_what_is_delivered_is_genuine(delivered: dict[str, list[Request]], judge: Judge, provider: str) -> None:
    assert refused(judge, provider, delivered[provider]) == []


@each_provider
@each_language
def test_whatever_host_and_port_it_is_for_a_request_is_genuine(
    previewed: dict[str, list[Request]], judge: Judge, provider: str
) -> None:
    assert refused(judge, provider, previewed[provider]) == []


@each_provider
@each_language
def test_with_one_byte_changed_nothing_is_genuine(
    previewed: dict[str, list[Request]], delivered: dict[str, list[Request]], judge: Judge, provider: str
) -> None:
    place = Draw(provider, "", SEED).place
    forged = [
        forgery
        for request in previewed[provider] + delivered[provider]
        for forgery in request.forgeries(place).values()
    ]
    assert len(forged) > 2 * (PREVIEWED + DELIVERED)
    assert len(refused(judge, provider, forged)) == len(forged)


@each_language
def test_with_another_key_nothing_is_genuine(previewed: dict[str, list[Request]], judge: Judge) -> None:
    another = base64.b64encode(bytes(31) + b"\x01").decode()
    for provider, requests in previewed.items():
        assert not any(judge(requests, "another token", another)), provider


@each_language
def test_a_url_that_is_read_in_several_ways_is_refused_or_its_requests_are_genuine(api: Api, judge: Judge) -> None:
    app = api.post("/app", {"name": "doubtful"})["id"]
    event = Case({}, "sms.dlr", {"product": "sms", "message": {"id": "1", "to": "+4860000", "status": "sent"}})
    requests, said = [], []
    for url in DOUBTFUL:
        for method in ("post", "get", "json"):
            endpoint = {"url": url, "dialect": "twilio", "sendMethod": method, "providerSecret": SECRETS["twilio"]}
            try:
                requests.append(preview(api, app, Case(endpoint, event.event_type, event.payload)))
            except Refused as error:
                said.append(f"{method} {url}: {error}")
    assert refused(judge, "twilio", requests) == []
    assert len(requests) >= len(DOUBTFUL)
    assert all(": 422 " in one and '"url"' in one for one in said), said


def test_telnyx_reads_what_it_is_told(previewed: dict[str, list[Request]]) -> None:
    for request in previewed["telnyx"]:
        read, told = judges.read_by_telnyx(request)["data"]["payload"], json.loads(request.body)["data"]["payload"]
        assert [read.get(name) for name in ("id", "to", "errors")] == [told.get(name) for name in ("id", "to", "errors")]


def test_the_cases_have_what_signatures_trip_over(previewed: dict[str, list[Request]]) -> None:
    forms = [request for request in previewed["twilio"] if "form" in request.headers.get("content-type", "")]
    assert any("=&" in request.body for request in forms), "an empty value"
    assert any("%F0%9F" in request.body for request in forms), "an emoji"
    assert any(":8443/" in request.url and "?" in request.url for request in forms), "a port and a query"
    assert any("bodySHA256=" in request.url for request in previewed["twilio"]), "a body as JSON"
    assert any(request.body == "" for request in previewed["twilio"]), "a GET"
    events = [json.loads(request.body)["data"]["event_type"] for request in previewed["telnyx"]]
    assert set(judges.TELNYX_EVENTS) == set(events)
