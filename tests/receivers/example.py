"""One receiver of examples/receivers, running, and what it printed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from http.client import HTTPResponse
from pathlib import Path
from typing import NamedTuple

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "receivers"


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


class Example:
    """Runs from its creation until `close`; may be used once `wait_until_listening` has returned."""

    def __init__(self, language: str, folder: Path, settings: Mapping[str, str]) -> None:
        self.language = language
        self.port = _free_port()
        self._printed = folder / f"{language}.out"
        self._complained = folder / f"{language}.err"
        environment = {**os.environ, **settings, "PORT": str(self.port), "DONE_FOLDER": str(folder / "done")}
        with self._printed.open("wb") as out, self._complained.open("wb") as err:
            self._process = subprocess.Popen(
                [EXAMPLES / language / "run"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment, start_new_session=True,
            )  # fmt: skip

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def wait_until_listening(self, seconds: float = 60) -> None:
        """Compiling is part of the start."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self._process.poll() is None, f"{self.language} ended at its start\n{self.complaints()}"
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5):
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"{self.language} did not listen within {seconds} s\n{self.complaints()}")

    def send(self, request: str) -> Answer:
        """Sends these bytes as one request; the headers of the connection are put behind the first line."""
        head, body = request.split("\n\n", 1)
        first, *rest = head.splitlines()
        lines = [first, f"host: 127.0.0.1:{self.port}", "connection: close", *rest]
        with socket.create_connection(("127.0.0.1", self.port), timeout=15) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + body.encode())
            response = HTTPResponse(connection, method=first.split(" ", 1)[0])
            response.begin()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, headers, response.read())

    def wait_for_line(self, start: str, end: str = "", seconds: float = 15) -> None:
        """Returns when a line has been printed that begins and ends so."""
        deadline = time.monotonic() + seconds
        while True:
            for line in self._printed.read_text(errors="replace").splitlines():
                if line.startswith(start) and line.endswith(end):
                    return
            assert time.monotonic() < deadline, f"{start!r} is not among:\n{self._printed.read_text(errors='replace')}"
            time.sleep(0.02)

    def complaints(self) -> str:
        return self._complained.read_text(errors="replace")

    def close(self) -> None:
        """Ends it with all that it started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait(timeout=10)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
