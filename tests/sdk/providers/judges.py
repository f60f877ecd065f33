"""The providers' packages, asked whether requests are genuine."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl

import telnyx
from telnyx.lib.webhook_verification import WebhookVerificationError
from telnyx.types import CallHangupWebhookEvent, DeliveryUpdateWebhookEvent, InboundMessageWebhookEvent
from twilio.request_validator import RequestValidator

from request import Request

TELNYX_EVENTS = {
    "message.sent": DeliveryUpdateWebhookEvent,
    "message.finalized": DeliveryUpdateWebhookEvent,
    "message.read": DeliveryUpdateWebhookEvent,
    "message.received": InboundMessageWebhookEvent,
    "call.hangup": CallHangupWebhookEvent,
}
NODE_PACKAGES = os.environ.get("NODE_PACKAGES")


def python(requests: list[Request], secret: str, public_key: str) -> list[bool]:
    """What the packages for Python say to each request."""
    judges = {"twilio": lambda one: _twilio(one, secret), "telnyx": lambda one: _telnyx(one, public_key)}
    return [judges[request.provider](request) for request in requests]


def node(requests: list[Request], secret: str, public_key: str) -> list[bool]:
    """What the packages for Node say to each request."""
    asked = [{**vars(request), "secret": secret, "publicKey": public_key} for request in requests]
    run = subprocess.run(
        ["node", str(Path(__file__).with_name("judge.mjs"))],
        env={**os.environ, "PACKAGES": NODE_PACKAGES},
        input=json.dumps(asked), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def read_by_telnyx(request: Request) -> dict[str, object]:
    """What the package makes of an event, each member checked: its type, and words that are a choice of some."""
    event = json.loads(request.body)
    return TELNYX_EVENTS[event["data"]["event_type"]].model_validate(event).to_dict(mode="json")


def _twilio(request: Request, secret: str) -> bool:
    is_json = request.headers.get("content-type", "").startswith("application/json")
    # A form as a customer's code reads it: names and decoded values, empty ones too.
    params = request.body if is_json else dict(parse_qsl(request.body, keep_blank_values=True))
    try:
        return RequestValidator(secret).validate(request.url, params, request.headers["x-twilio-signature"])
    except TypeError:
        # It stumbles over JSON whose URL has no hash of it.
        assert is_json and "bodySHA256=" not in request.url, request
        return False


@cache
def _client(public_key: str) -> telnyx.Telnyx:
    return telnyx.Telnyx(api_key="none", public_key=public_key)


def _telnyx(request: Request, public_key: str) -> bool:
    try:
        _client(public_key).webhooks.unwrap(request.body, headers=request.headers)
        return True
    except WebhookVerificationError:
        return False
