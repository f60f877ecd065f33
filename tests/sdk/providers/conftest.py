"""What the tests share: one server and its API, one receiver, and the keys that requests are signed with."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from customer import Api
from receiver import Receiver
from server import Server

SEED = int(os.environ.get("RINGBACK_PROVIDERS_SEED", "1"))


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    server = Server(tmp_path_factory.mktemp("ringback"))
    yield Api(server.url, server.token())
    server.close()


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.close()


def pytest_report_header() -> str:
    return f"cases of seed {SEED} (RINGBACK_PROVIDERS_SEED)"
