"""What the tests share: one server, one receiver and one client; an application and a webhook for each test."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import pytest
from svix.api import ApplicationIn, EndpointIn, EndpointOut, MessageIn, MessageOut, Svix, SvixOptions

from receiver import Arrival, Receiver
from server import Server

Found = TypeVar("Found")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("ringback"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.close()


@pytest.fixture(scope="session")
def token(server: Server) -> str:
    return server.token()


@pytest.fixture(scope="session")
def svix(server: Server, token: str) -> Svix:
    # Without retries a 5xx of the server fails the test that met it.
    return Svix(token, SvixOptions(server_url=server.url, retry_schedule=[]))


@dataclass(frozen=True)
class Customer:
    """An application with one webhook at a path of the receiver."""

    svix: Svix
    receiver: Receiver
    app_id: str
    endpoint: EndpointOut
    path: str

    def send(self, payload: dict[str, object] | None = None) -> MessageOut:
        return self.svix.message.create(self.app_id, MessageIn(event_type="order.paid", payload=payload or {"n": 1}))

    def arrived(self, count: int) -> list[Arrival]:
        return self.receiver.wait_for(self.path, count)

    def secret(self) -> str:
        return self.svix.endpoint.get_secret(self.app_id, self.endpoint.id).key


_numbers = itertools.count(1)


@pytest.fixture
def app_id(svix: Svix) -> str:
    return svix.application.create(ApplicationIn(name=f"customer {next(_numbers)}")).id


@pytest.fixture
def customer(svix: Svix, receiver: Receiver, app_id: str) -> Customer:
    path = f"/hook/{next(_numbers)}"
    endpoint = svix.endpoint.create(app_id, EndpointIn(url=receiver.url(path)))
    return Customer(svix, receiver, app_id, endpoint, path)


def eventually(find: Callable[[], Found | None], seconds: float = 15) -> Found:
    """What `find` gives, as soon as it gives something that counts as true."""
    deadline = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < deadline, f"not within {seconds} s; last: {found!r}"
        time.sleep(0.02)
    return found
