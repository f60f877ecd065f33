"""A webhook receiver on a free port of this machine: it keeps what arrives and answers as told."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Arrival:
    """One request as it came in; header names are in lower case."""

    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def message_id(self) -> str:
        return self.headers["webhook-id"]


class Receiver:
    """Listens from its creation until `close`. Every test uses a path of its own, so that tests do not meet."""

    def __init__(self) -> None:
        self._arrivals: list[Arrival] = []
        self._statuses: dict[str, list[int]] = {}
        self._changed = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def answer(self, path: str, *statuses: int) -> None:
        """The next requests to `path` get these statuses, one each; all later ones get 200."""
        with self._changed:
            self._statuses[path] = list(statuses)

    def all(self) -> list[Arrival]:
        """Every request so far."""
        with self._changed:
            return list(self._arrivals)

    def arrivals(self, path: str) -> list[Arrival]:
        with self._changed:
            return [arrival for arrival in self._arrivals if arrival.path == path]

    def wait_for(self, path: str, count: int, seconds: float = 15) -> list[Arrival]:
        """What has arrived at `path`, as soon as there are `count` requests; fails when `seconds` have passed."""
        with self._changed:
            enough = self._changed.wait_for(lambda: len(self._at(path)) >= count, timeout=seconds)
            assert enough, f"{len(self._at(path))} of {count} requests arrived at {path} within {seconds} s"
            return self._at(path)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def keep(self, arrival: Arrival) -> int:
        """Keeps a request and says which status answers it."""
        with self._changed:
            self._arrivals.append(arrival)
            self._changed.notify_all()
            statuses = self._statuses.get(arrival.path)
            return statuses.pop(0) if statuses else 200

    def _at(self, path: str) -> list[Arrival]:
        return [arrival for arrival in self._arrivals if arrival.path == path]


def _handler_of(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = receiver.keep(Arrival(self.path, headers, body))
            answer = f"status {status}".encode()
            self.send_response(status)
            self.send_header("content-type", "text/plain")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: a failing test says what arrived."""

    return Handler
