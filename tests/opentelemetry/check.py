"""A server sends traces and metrics to a collector that knows the protocol by its definitions and nothing of the server."""

from __future__ import annotations

import base64
import json
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from receiver import Receiver
from server import Server

MESSAGES = 20
KEY = "hunter2"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
IDS = {"traceId", "spanId", "parentSpanId"}


class Collector:
    """Keeps what it is sent, in the messages of the protocol; what it does not know it refuses."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.metrics: dict[str, object] = {}
        self.resources: list[dict[str, str]] = []
        self.refused: list[str] = []
        self.is_busy = False
        self.turned_away = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/otlp"

    def take(self, path: str, headers, body: bytes) -> int:
        if headers.get("api-key") != KEY or headers.get("content-type") != "application/json":
            self.refused.append(f"headers of {path}: {dict(headers)}")
            return 401
        if self.is_busy:
            self.turned_away += 1
            return 503
        try:
            document = _with_base64_ids(json.loads(body))
            if path == "/otlp/v1/traces":
                self._take_traces(json_format.ParseDict(document, ExportTraceServiceRequest()))
            elif path == "/otlp/v1/metrics":
                self._take_metrics(json_format.ParseDict(document, ExportMetricsServiceRequest()))
            else:
                raise ValueError("no such path")
        except Exception as error:  # noqa: BLE001 - told at the end, whatever it is
            self.refused.append(f"{path}: {error}")
            return 400
        return 200

    def _take_traces(self, request: ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            self.resources.append(_attributes(resource.resource))
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)

    def _take_metrics(self, request: ExportMetricsServiceRequest) -> None:
        for resource in request.resource_metrics:
            self.resources.append(_attributes(resource.resource))
            # What the engine holds is not told any more once it has stopped.
            self.metrics.update({metric.name: metric for scope in resource.scope_metrics for metric in scope.metrics})

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler_of(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            answer = b"{}"
            self.send_response(collector.take(self.path, self.headers, body))
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _with_base64_ids(node):
    """Ids are hex in this protocol and base64 everywhere else where Protocol Buffers are JSON."""
    if isinstance(node, list):
        return [_with_base64_ids(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        name: base64.b64encode(bytes.fromhex(value)).decode() if name in IDS else _with_base64_ids(value)
        for name, value in node.items()
    }


def _attributes(of) -> dict[str, object]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in of.attributes}


def _post(url: str, token: str, body: dict, **headers: str) -> dict:
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}", **headers}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def _wait_for(what: str, holds, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


def check_traces(collector: Collector, sent: list[str], failing: str) -> None:
    accepted = {span.span_id: span for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER}
    attempts = [span for span in collector.spans if span.kind == Span.SPAN_KIND_CLIENT]
    assert len(accepted) == MESSAGES, f"{len(accepted)} messages"
    assert {_attributes(span)["messaging.message.id"] for span in accepted.values()} == set(sent)
    assert len({span.trace_id for span in accepted.values()}) == MESSAGES, "each message is a trace"
    for span in collector.spans:
        assert len(span.trace_id) == 16 and len(span.span_id) == 8, span
        assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano <= time.time_ns(), span
    for span in accepted.values():
        (link,) = span.links
        assert (link.trace_id.hex(), link.span_id.hex()) == tuple(PARENT.split("-")[1:3])
        assert not span.parent_span_id and _attributes(span)["ringback.event_type"] == "order.paid"
    for span in attempts:
        assert accepted[span.parent_span_id].trace_id == span.trace_id, "an attempt is under its message"
        attributes = _attributes(span)
        is_bad = attributes["ringback.endpoint.id"] == failing
        assert attributes["http.response.status_code"] == (503 if is_bad else 200), attributes
        assert (span.status.code == Status.STATUS_CODE_ERROR) == is_bad, span
        assert attributes["server.address"] == "127.0.0.1"
    assert len({span.span_id for span in collector.spans}) == len(collector.spans), "no span comes twice"
    good = [span for span in attempts if span.status.code != Status.STATUS_CODE_ERROR]
    assert len(good) == MESSAGES and len(attempts) > len(good), (len(good), len(attempts))


def check_metrics(collector: Collector, page: str) -> None:
    names = {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE ")}
    missing = names - set(collector.metrics)
    assert not missing, f"/metrics has these and the collector not: {missing}"
    accepted = collector.metrics["ringback_messages_accepted_total"].sum
    assert accepted.is_monotonic
    assert accepted.aggregation_temporality == AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    (point,) = accepted.data_points
    assert point.as_int == MESSAGES and 0 < point.start_time_unix_nano < point.time_unix_nano
    (lag,) = collector.metrics["ringback_dispatch_lag_seconds"].histogram.data_points
    assert collector.metrics["ringback_dispatch_lag_seconds"].unit == "s"
    assert len(lag.bucket_counts) == len(lag.explicit_bounds) + 1 and sum(lag.bucket_counts) == lag.count > 0
    (lost,) = collector.metrics["ringback_telemetry_spans_lost_total"].sum.data_points
    assert lost.as_int == 0
    outcomes = {_attributes(point)["outcome"]: point.as_int for point in collector.metrics["ringback_attempts_total"].sum.data_points}
    assert outcomes["delivered"] == MESSAGES, outcomes


def check(folder: Path, collector: Collector, receiver: Receiver) -> None:
    headers = f"api-key={KEY}"
    server = Server(folder, "--otlp-endpoint", collector.url, "--otlp-headers", headers, "--log", "warn")
    base, token = f"{server.url}/api/v1", server.token()
    _post(f"{base}/app", token, {"name": "a", "uid": "a"})
    receiver.answer("/bad", *[503] * 1000)
    _post(f"{base}/app/a/endpoint", token, {"url": receiver.url("/good")})
    failing = _post(f"{base}/app/a/endpoint", token, {"url": receiver.url("/bad")})["id"]
    # One that cannot take anything for a while loses nothing by it.
    collector.is_busy = True
    message = {"eventType": "order.paid", "payload": {"secret": "never told"}}
    sent = [_post(f"{base}/app/a/msg", token, message, traceparent=PARENT)["id"] for _ in range(MESSAGES)]
    receiver.wait_for("/good", MESSAGES)
    receiver.wait_for("/bad", 2 * MESSAGES)
    _wait_for("spans are turned away", lambda: collector.turned_away > 1)
    collector.is_busy = False
    _wait_for("they come again", lambda: len(collector.spans) >= 2 * MESSAGES)
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=10) as answer:
        page = answer.read().decode()
    log = server.close()
    assert not collector.refused, "\n".join(collector.refused)
    assert "the collector of telemetry does not take everything" in log and KEY not in log, log
    check_traces(collector, sent, failing)
    check_metrics(collector, page)
    assert all(resource["service.name"] == "ringback" for resource in collector.resources)
    assert "never told" not in str(collector.spans)
    print(f"{len(collector.spans)} spans of {MESSAGES} messages, {len(collector.metrics)} metrics")


def check_sample(folder: Path, collector: Collector) -> None:
    headers = f"api-key={KEY}"
    server = Server(folder, "--otlp-endpoint", collector.url, "--otlp-headers", headers, "--otlp-sample-ratio", "0")
    _post(f"{server.url}/api/v1/app", server.token(), {"name": "a", "uid": "a"})
    _post(f"{server.url}/api/v1/app/a/msg", server.token(), {"eventType": "order.paid", "payload": {}})
    server.close()
    assert not collector.spans and collector.metrics, "figures come without any trace"


def main() -> None:
    receiver = Receiver()
    for one in (lambda folder, collector: check(folder, collector, receiver), check_sample):
        collector = Collector()
        with tempfile.TemporaryDirectory() as folder:
            one(Path(folder), collector)
        collector.close()
    receiver.close()


if __name__ == "__main__":
    sys.exit(main())
