"""What the tests share: one server, one receiver and one client; an application and a webhook for each test."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import pytest
from svix.api import (
    ApplicationIn,
    BackgroundTaskOut,
    EndpointIn,
    EndpointOut,
    MessageIn,
    MessageOut,
    Svix,
    SvixOptions,
)
from svix.exceptions import HttpError, HTTPValidationError

from every_method import Calls
from receiver import Arrival, Receiver
from server import Server

Found = TypeVar("Found")

calls = Calls()


def pytest_addoption(parser: pytest.Parser) -> None:
    help = "fail if a method of the client is called by no test: for runs of all tests"
    parser.addoption("--every-method", action="store_true", help=help)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.option.every_method and calls.faults():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.option.every_method:
        for fault in calls.faults():
            terminalreporter.write_line(f"FAILED every method: {fault}", red=True)


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

    def send(self, payload: dict[str, object] | None = None, event_type: str = "order.paid") -> MessageOut:
        return self.svix.message.create(self.app_id, MessageIn(event_type=event_type, payload=payload or {"n": 1}))

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


def finished(svix: Svix, task_id: str) -> BackgroundTaskOut:
    """A background task, as soon as it is over."""
    task = eventually(lambda: (now := svix.background_task.get(task_id)).status != "running" and now)
    assert task.status == "finished"
    return task


def refused(status: int, call: Callable[[], object]) -> HttpError | HTTPValidationError:
    """What the server says to a call that it has to refuse with this status."""
    with pytest.raises((HttpError, HTTPValidationError)) as answer:
        call()
    assert answer.value.status_code == status
    return answer.value


def eventually(find: Callable[[], Found | None], seconds: float = 15) -> Found:
    """What `find` gives, as soon as it gives something that counts as true."""
    deadline = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < deadline, f"not within {seconds} s; last: {found!r}"
        time.sleep(0.02)
    return found
