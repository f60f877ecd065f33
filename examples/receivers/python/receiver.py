"""A receiver of webhooks, with the standard library of Python alone.

    PORT=8080 WEBHOOK_SECRET=whsec_... BEARER_SECRET=... VALIDATION_KEY=... python3 receiver.py

It answers three kinds of webhook at three paths (../README.md) and prints one line for each request. In production it
stands behind a proxy that speaks TLS.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

WEBHOOK_SECRET = os.environ["WEBHOOK_SECRET"]
BEARER_SECRET = os.environ["BEARER_SECRET"]
VALIDATION_KEY = os.environ["VALIDATION_KEY"]

MAX_BODY = 2 * 1024 * 1024
TOLERANCE_SECONDS = 5 * 60
ANT_PARAMETERS = ("smsId", "destination", "sendTime", "sendResult", "dr", "smsCount")


class Answer(NamedTuple):
    """What the sender gets, and what the line of the request says."""

    status: int
    note: str
    json: dict[str, str] | None = None
    allow: str | None = None


# --- A delivery report of ANT: GET with six parameters. --------------------------------------------------------------


def ant_report(query: str) -> Answer:
    parameters = parse_qs(query, keep_blank_values=True)
    for name in ANT_PARAMETERS:
        if name not in parameters:  # a value may be empty, a parameter may not be absent
            return Answer(400, f"{name} is missing")
    # Put the report into a queue or a table here, and answer; work on it afterwards.
    return Answer(200, query)


# --- A signed event: POST with a JSON body, as Standard Webhooks describes it. ---------------------------------------


class NotVerified(Exception):
    """Why a request is not known to come from the sender."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> str:
    """The id of the event, if the request is the sender's and not an old one."""
    event_id = headers.get("webhook-id")
    timestamp = headers.get("webhook-timestamp")
    signatures = headers.get("webhook-signature")
    if not (event_id and timestamp and signatures):
        raise NotVerified(400, "not signed")
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise NotVerified(400, "webhook-timestamp is no number")
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise NotVerified(401, "too old or from the future")

    # The signature is over the bytes as they came: JSON that was parsed and written again is other bytes.
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = hmac.new(key, f"{event_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    # While a secret is being changed there is one signature for the new and one for the old, with a space between.
    for signature in signatures.split(" "):
        version, _, value = signature.partition(",")
        if version == "v1" and same(decoded(value), expected):
            return event_id
    raise NotVerified(401, "no signature matches")


def decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return b""


def same(a: bytes, b: bytes) -> bool:
    """Takes as long for a near miss as for a far one, so that nobody can guess byte by byte."""
    return hmac.compare_digest(a, b)


# Ids of events that are done. In production: a table with a unique key, written in the transaction that does the work,
# and kept for a week; then it outlives a restart and two processes.
done: set[str] = set()
doing = threading.Lock()


def signed_event(headers: Mapping[str, str], body: bytes) -> Answer:
    try:
        event_id = verify(WEBHOOK_SECRET, headers, body, time.time())
        event = json_object(body)
    except NotVerified as error:
        return Answer(error.status, str(error))
    except ValueError:
        return Answer(400, "no JSON object")
    with doing:
        if event_id in done:  # an answer of ours got lost, or somebody asked for a replay
            return Answer(200, f"{event_id} again, already done")
        message = event.get("message")
        report = message if isinstance(message, dict) else {}
        done.add(event_id)
    return Answer(200, f"{event_id} {report.get('id')} {report.get('status')}")


# --- A bearer secret, and the handshake before the first report. -----------------------------------------------------


def callback(headers: Mapping[str, str], body: bytes) -> Answer:
    authorization = headers.get("authorization") or ""
    if not same(authorization.encode(), f"Bearer {BEARER_SECRET}".encode()):
        return Answer(401, "wrong secret")
    try:
        content = json_object(body)
    except ValueError:
        return Answer(400, "no JSON object")
    if "challenge" in content:
        if not same(str(content.get("validation_key")).encode(), VALIDATION_KEY.encode()):
            return Answer(403, "wrong validation key")
        return Answer(200, "handshake", {"challenge": str(content["challenge"])})
    return Answer(200, f"{content.get('id')} {content.get('status')}")


def json_object(body: bytes) -> dict[str, Any]:
    content = json.loads(body)
    if not isinstance(content, dict):
        raise ValueError("a JSON object is expected")
    return content


# --- HTTP. -----------------------------------------------------------------------------------------------------------


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        self.respond(b"")

    def do_POST(self) -> None:
        length = self.headers.get("content-length") or ""
        if not length.isdigit() or int(length) > MAX_BODY:
            self.close_connection = True  # what was not read would be taken for the next request
            self.send(Answer(413 if length.isdigit() else 411, "no body of a length that is taken"))
            return
        self.respond(self.rfile.read(int(length)))

    def respond(self, body: bytes) -> None:
        url = urlsplit(self.path)
        match (self.command, url.path):
            case ("GET", "/ant-sms-deliver"):
                answer = ant_report(url.query)
            case ("POST", "/webhooks"):
                answer = signed_event(self.headers, body)
            case ("POST", "/receive/callback"):
                answer = callback(self.headers, body)
            case (_, "/ant-sms-deliver"):
                answer = Answer(405, "another method is expected", allow="GET")
            case (_, "/webhooks" | "/receive/callback"):
                answer = Answer(405, "another method is expected", allow="POST")
            case _:
                answer = Answer(404, "no such path")
        self.send(answer)

    def send(self, answer: Answer) -> None:
        # One write, newline included: `print` makes several, and those of other threads come between.
        sys.stdout.write(f"{self.command} {urlsplit(self.path).path} {answer.status} {answer.note}\n")
        sys.stdout.flush()
        content = b"" if answer.json is None else json.dumps(answer.json).encode()
        self.send_response(answer.status)
        self.send_header("content-length", str(len(content)))
        if content:
            self.send_header("content-type", "application/json")
        if answer.allow:
            self.send_header("allow", answer.allow)
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Silent: `send` prints the line."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Handler)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
