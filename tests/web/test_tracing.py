"""Traces, as a collector receives them over HTTP."""

import gzip
import queue
from collections.abc import Iterable, Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from receiver.tracing import make_tracing
from tests.support.notifications import operation
from tests.support.service_fixtures import Start

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector:
    """Takes spans, as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        self._spans: queue.Queue[Span] = queue.Queue()
        self.resource: dict[str, str] = {}
        self.headers: Message = Message()
        spans = self._spans
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.headers = self.headers
                for group in ExportTraceServiceRequest.FromString(body).resource_spans:
                    collector.resource = texts(group.resource.attributes)
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

    def take(self, *names: str) -> dict[str, Span]:
        """Wait until spans of these names have come; return the first of each."""
        found: dict[str, Span] = {}
        while not found.keys() >= set(names):
            span = self._spans.get(timeout=30)
            found.setdefault(span.name, span)
        return {name: found[name] for name in names}

    def has_nothing(self, seconds: float) -> bool:
        try:
            self._spans.get(timeout=seconds)
        except queue.Empty:
            return True
        return False


def texts(attributes: Iterable[KeyValue]) -> dict[str, str]:
    """Return attributes, numbers as text."""
    return {one.key: str(one.value.int_value or one.value.string_value) for one in attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    running = Collector()
    yield running
    running.close()


def test_steps_of_a_callback_continue_the_senders_trace(start: Start, collector: Collector) -> None:
    service = start(OTEL_EXPORTER_OTLP_ENDPOINT=collector.address, OTEL_BSP_SCHEDULE_DELAY="100")
    service.call_back(operation(), headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    spans = collector.take("POST /callback", "verify", "read", "store")
    request = spans.pop("POST /callback")
    assert (request.parent_span_id.hex(), request.kind) == (PARENT, Span.SPAN_KIND_SERVER)
    assert {span.trace_id.hex() for span in (request, *spans.values())} == {TRACE}
    assert {span.parent_span_id for span in spans.values()} == {request.span_id}

    service.call_back(operation(), token="Ann Example")
    refused = collector.take("POST /callback", "verify")
    verify, request = refused["verify"], refused["POST /callback"]
    assert (verify.status.code, verify.status.message) == (Status.STATUS_CODE_ERROR, "RefusedTokenError")
    assert request.status.code == Status.STATUS_CODE_UNSET, "the client is at fault"
    assert not verify.events, "the text of an error may hold what was sent"
    assert not request.events
    assert not request.parent_span_id


def test_request_on_any_route_has_http_attributes(start: Start, collector: Collector) -> None:
    service = start(
        issuer=None,
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{collector.address}/v1/traces",
        OTEL_BSP_SCHEDULE_DELAY="100",
    )
    asked = {
        "GET /operations/<anything:client_context>": ("GET", "/operations/Ann%20Example?wait=0", 404),
        "PUT /operations/<anything:client_context>": ("PUT", "/operations/Ann%20Example", 403),
        "GET /livez": ("GET", "/livez", 200),
        "POST /callback": ("POST", "/callback", 503),
        "GET": ("GET", "/no/such/Ann", 404),
    }
    for method, path, _ in asked.values():
        service.request(method, path, body={} if method == "PUT" else None)
    spans = collector.take(*asked)
    for name, (method, _, status) in asked.items():
        found = texts(spans[name].attributes)
        assert found.pop("network.protocol.version") == "1.1"
        assert found.pop("server.port") == str(service.port)
        assert found.pop("error.type", None) == ("503" if status == 503 else None)
        assert found.pop("http.route", "") == name.partition(" ")[2]
        assert found == {
            "http.request.method": method,
            "url.scheme": "http",
            "server.address": "127.0.0.1",
            "http.response.status_code": str(status),
        }
        failed = Status.STATUS_CODE_ERROR if status == 503 else Status.STATUS_CODE_UNSET
        assert spans[name].status.code == failed
        assert "Ann" not in str(spans[name])


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({}, "receiver"),
        ({"OTEL_SERVICE_NAME": "calls"}, "calls"),
        (
            {"OTEL_RESOURCE_ATTRIBUTES": "service.name=ours,deployment.environment.name=test"},
            "ours",
        ),
    ],
)
def test_variables_of_the_sdk_are_applied(
    start: Start, collector: Collector, variables: dict[str, str], name: str
) -> None:
    service = start(
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.address,
        OTEL_EXPORTER_OTLP_HEADERS="api-key=ours",
        OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
        OTEL_BSP_SCHEDULE_DELAY="100",
        **variables,
    )
    service.get("/livez")
    collector.take("GET /livez")
    assert collector.resource["service.name"] == name
    assert collector.headers["api-key"] == "ours"
    assert collector.headers["Content-Encoding"] == "gzip"
    if "OTEL_RESOURCE_ATTRIBUTES" in variables:
        assert collector.resource["deployment.environment.name"] == "test"


def test_sampler_that_drops_all_sends_nothing(start: Start, collector: Collector) -> None:
    service = start(
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.address,
        OTEL_TRACES_SAMPLER="always_off",
        OTEL_BSP_SCHEDULE_DELAY="100",
    )
    service.get("/livez")
    assert service.stop() == 0
    assert collector.has_nothing(0.5)


def test_invalid_otel_variable_is_logged(start: Start) -> None:
    service = start(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT="many")
    assert service.get("/livez").status == 200
    assert "an OTEL_ variable is invalid" in service.log


def test_without_a_collector_nothing_is_wrapped() -> None:
    def application(*_: object) -> list[bytes]:
        return []

    tracing = make_tracing(None, 3)
    assert tracing.step("store", print) is print
    assert tracing.requests(application, str) is application


def test_callback_with_unavailable_collector_is_accepted(start: Start) -> None:
    service = start(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", OTEL_BSP_SCHEDULE_DELAY="100")
    assert service.call_back(operation()).status == 202
    assert service.stop() == 0
