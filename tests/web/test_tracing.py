"""Traces, as a collector gets them over HTTP."""

import gzip
import queue
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from receiver.tracing import start_tracing
from tests.notifications import operation
from tests.web.conftest import Start

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector:
    """Takes spans, as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        self._spans: queue.Queue[Span] = queue.Queue()
        spans = self._spans

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                for group in ExportTraceServiceRequest.FromString(body).resource_spans:
                    for scope in group.scope_spans:
                        for span in scope.spans:
                            spans.put(span)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever)
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, number: int) -> dict[str, Span]:
        """Wait for a number of spans; return them by name."""
        return {span.name: span for span in (self._spans.get(timeout=30) for _ in range(number))}


@pytest.fixture
def collector() -> Iterator[Collector]:
    running = Collector()
    yield running
    running.close()


def test_verifying_reading_and_storing_are_parts_of_the_senders_trace(
    start: Start, collector: Collector
) -> None:
    service = start(OTEL_EXPORTER_OTLP_ENDPOINT=collector.address, OTEL_BSP_SCHEDULE_DELAY="100")
    service.call_back(operation(), headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    spans = collector.take(4)
    assert set(spans) == {"POST /callback", "verify", "read", "store"}
    request = spans.pop("POST /callback")
    assert (request.parent_span_id.hex(), request.kind) == (PARENT, Span.SPAN_KIND_SERVER)
    assert {span.trace_id.hex() for span in (request, *spans.values())} == {TRACE}
    assert {span.parent_span_id for span in spans.values()} == {request.span_id}

    service.call_back(operation(), token="Ann Example")
    refused = collector.take(2)
    for span in refused.values():
        assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, "RefusedTokenError")
        assert not span.events, "the text of an error may hold what was sent"
    assert not refused["POST /callback"].parent_span_id


def test_without_a_collector_nothing_is_wrapped() -> None:
    tracing = start_tracing(None)
    assert tracing.step("store", print) is print
    assert tracing.request("POST /callback", str, print) is print


def test_a_collector_that_is_away_keeps_nothing_from_being_taken(start: Start) -> None:
    service = start(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", OTEL_BSP_SCHEDULE_DELAY="100")
    assert service.call_back(operation()).status == 202
    assert service.stop() == 0
