"""A customer of the server under test: an application with one webhook, over the HTTP API."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any

SUCCESS = 0


class Refused(Exception):
    """An answer of the API that is no success."""


class Api:
    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token

    def get(self, path: str) -> Any:
        return self._call("GET", path, None)

    def post(self, path: str, body: object) -> Any:
        return self._call("POST", path, json.dumps(body).encode())

    def _call(self, method: str, path: str, body: bytes | None) -> Any:
        request = urllib.request.Request(f"{self._url}/api/v1{path}", body, method=method)
        request.add_header("authorization", f"Bearer {self._token}")
        request.add_header("content-type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            raise Refused(f"{method} {path}: {error.code} {error.read().decode()}") from error
        return json.loads(content) if content else None


class Customer:
    def __init__(self, api: Api, endpoint: dict[str, object]) -> None:
        self._api = api
        app = api.post("/app", {"name": "customer"})["id"]
        self._app = f"/app/{app}"
        self._endpoint = api.post(f"{self._app}/endpoint", endpoint)["id"]

    def send(self, event_type: str, payload: object) -> str:
        return self._api.post(f"{self._app}/msg", {"eventType": event_type, "payload": payload})["id"]

    def verify(self) -> Any:
        return self._api.post(f"{self._app}/endpoint/{self._endpoint}/verify", {})

    def rotate_secret(self) -> None:
        self._api.post(f"{self._app}/endpoint/{self._endpoint}/secret/rotate", {})

    def resend(self, message: str) -> None:
        self._api.post(f"{self._app}/msg/{message}/endpoint/{self._endpoint}/resend", {})

    def attempts(self, message: str, count: int = 1, seconds: float = 15) -> list[Any]:
        """The attempts of a message, newest first, as soon as there are so many."""
        deadline = time.monotonic() + seconds
        while True:
            attempts = self._api.get(f"{self._app}/attempt/msg/{message}")["data"]
            if len(attempts) >= count:
                return attempts
            assert time.monotonic() < deadline, f"{len(attempts)} of {count} attempts of {message} in {seconds} s"
            time.sleep(0.02)

    def wait_until_delivered(self, message: str, seconds: float = 15) -> None:
        deadline = time.monotonic() + seconds
        while True:
            delivery = self._api.get(f"{self._app}/msg/{message}/endpoint")["data"][0]
            if delivery["status"] == SUCCESS:
                return
            if time.monotonic() > deadline:
                attempts = self._api.get(f"{self._app}/attempt/msg/{message}")["data"]
                raise AssertionError(f"not delivered within {seconds} s: {delivery}\n{attempts}")
            time.sleep(0.02)
