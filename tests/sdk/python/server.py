"""The server under test: the real binary, with a store of its own in a temporary folder."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any


class Server:
    """Runs from its creation until `close`."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self._binary = os.environ["RINGBACK_BIN"]
        # Settings of the shell that the tests run in are none of the server's business.
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}
        self._store = f"sqlite:{folder / 'store'}"
        self._log = folder / "server.log"
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    self._binary, "serve",
                    "--listen", f"127.0.0.1:{port}",
                    "--store", self._store,
                    "--egress-allow", "127.0.0.0/8",
                    "--retry-schedule", "200ms,200ms,200ms,5m",
                    *flags,
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=self._environment,
            )  # fmt: skip
        self._wait_until_healthy()

    def token(self) -> str:
        """A bearer token of the default organization, as an operator gets it."""
        command = [self._binary, "token", "--store", self._store]
        run = subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=30)
        assert run.returncode == 0, run.stderr
        printed = run.stdout
        assert printed.count("\n") == 1, f"the token stands alone on a line: {printed!r}"
        return printed.strip()

    def ask(self, method: str, path: str, token: str, body: object = None) -> Any:
        """What an operation answers that the client, or its models, have no words for."""
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def close(self) -> str:
        """Ends the server as an operator would and gives its log; fails if it does not end well."""
        self._process.terminate()
        status = self._process.wait(timeout=30)
        assert status == 0, f"the server ended with status {status}\n{self.log()}"
        return self.log()

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def _wait_until_healthy(self, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self._process.poll() is None, f"the server ended at its start\n{self.log()}"
            try:
                with urllib.request.urlopen(f"{self.url}/api/v1/health", timeout=5) as answer:
                    assert answer.status == 204
                    return
            except urllib.error.URLError:
                time.sleep(0.05)
        self._process.kill()
        raise AssertionError(f"the server was not healthy within {seconds} s\n{self.log()}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
