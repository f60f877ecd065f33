"""Prometheus scrapes a server at work; every query of the dashboard and of the alert rules finds what it asks for."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

from receiver import Receiver
from server import Server

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = ROOT / "deploy/grafana/ringback.json"
RULES = ROOT / "deploy/prometheus/alerts.yml"
MANUAL = ROOT / "docs/operating.md"
LIMIT = 60
NAME = re.compile(r"\b(?:ringback|process)_[a-z_]+")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def fetch(url: str, body: dict | None = None, token: str = "") -> bytes:
    data = json.dumps(body).encode() if body is not None else None
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=10) as answer:
        return answer.read()


def query(port: int, expression: str) -> list:
    quoted = urllib.parse.urlencode({"query": expression})
    answer = json.loads(fetch(f"http://127.0.0.1:{port}/api/v1/query?{quoted}"))
    assert answer["status"] == "success", answer
    return answer["data"]["result"]


def dashboard_queries() -> list[tuple[str, str]]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [
        (panel["title"], target["expr"].replace("$instance", ".*").replace("$__rate_interval", "15s"))
        for panel in panels
        for target in panel.get("targets", [])
    ]


def rules(port: int) -> list[tuple[str, str]]:
    answer = json.loads(fetch(f"http://127.0.0.1:{port}/api/v1/rules"))
    return [(rule["name"], rule["query"]) for group in answer["data"]["groups"] for rule in group["rules"]]


def wait_for(what: str, holds) -> None:
    until = time.monotonic() + LIMIT
    while time.monotonic() < until:
        if holds():
            return
        time.sleep(0.2)
    raise AssertionError(f"not within {LIMIT} s: {what}")


def traffic(server: Server, receiver: Receiver, round: int) -> None:
    base, token = f"{server.url}/api/v1", server.token()
    if round == 0:
        fetch(f"{base}/app", {"name": "a", "uid": "a"}, token)
        receiver.answer("/bad", *[503] * 1000)
        for path in ("/good", "/bad"):
            fetch(f"{base}/app/a/endpoint", {"url": receiver.url(path)}, token)
    for _ in range(10):
        fetch(f"{base}/app/a/msg", {"eventType": "t", "payload": {}}, token)


def check(server: Server, receiver: Receiver, admin: int, folder: Path) -> None:
    port = free_port()
    config = folder / "prometheus.yml"
    config.write_text(
        "global: { scrape_interval: 1s, evaluation_interval: 1s }\n"
        f"rule_files: ['{RULES}']\n"
        f"scrape_configs: [{{ job_name: ringback, static_configs: [{{ targets: ['127.0.0.1:{admin}'] }}] }}]\n"
    )
    log = (folder / "prometheus.log").open("w")
    prometheus = subprocess.Popen(
        ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}",
         f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"],
        stdout=log, stderr=log,
    )
    try:
        wait_for("Prometheus answers", lambda: is_up(port))
        traffic(server, receiver, 0)
        wait_for("a scrape", lambda: query(port, "ringback_messages_accepted_total > 0"))
        traffic(server, receiver, 1)
        wait_for("a rate", lambda: query(port, "rate(ringback_messages_accepted_total[15s]) > 0"))
        failures = [f"panel `{title}`: {text} finds nothing" for title, text in dashboard_queries() if not query(port, text)]
        failures += alert_failures(port)
        page = fetch(f"http://127.0.0.1:{admin}/metrics").decode()
        manual = MANUAL.read_text()
        names = set(re.findall(r"^# TYPE (\S+)", page, re.MULTILINE))
        failures += [f"docs/operating.md does not tell of {name}" for name in sorted(names) if name not in manual]
        failures += [f"docs/operating.md does not tell of {name}" for name, _ in rules(port) if name not in manual]
        assert not failures, "\n".join(failures)
        print(f"{len(dashboard_queries())} queries of the dashboard, {len(rules(port))} rules, {len(names)} metrics")
    finally:
        prometheus.terminate()
        prometheus.wait(20)


def alert_failures(port: int) -> list[str]:
    failures = []
    for name, text in rules(port):
        query(port, text)
        failures += [
            f"alert {name}: there is no {metric}" for metric in NAME.findall(text) if not query(port, f"{{__name__='{metric}'}}")
        ]
    firing = query(port, "ALERTS{alertstate='firing'}")
    return failures + [f"a healthy server sets off {alert['metric']['alertname']}" for alert in firing]


def is_up(port: int) -> bool:
    try:
        return b"Ready" in fetch(f"http://127.0.0.1:{port}/-/ready")
    except OSError:
        return False


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        admin = free_port()
        receiver = Receiver()
        server = Server(Path(folder), "--admin-listen", f"127.0.0.1:{admin}")
        try:
            check(server, receiver, admin, Path(folder))
        finally:
            server.close()
            receiver.close()


if __name__ == "__main__":
    sys.exit(main())
