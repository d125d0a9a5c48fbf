"""Traces by OpenTelemetry, where the extra `otel` is installed and a collector is configured.

Traced functions are wrapped when the app is created; without a collector nothing is wrapped and no code runs. A span
names an error by its type only: the text may contain what a client sent.
"""

import functools
import logging
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from opentelemetry.context import Context
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider

P = ParamSpec("P")
R = TypeVar("R")

_METHODS: Final = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::([0-9]{1,5}))?")
_OTHER: Final = "_OTHER"
_SERVER_ERROR: Final = 500
_UNNAMED: Final = "unknown_service"
"""The beginning of the service name that the SDK uses where no variable sets one."""

_INVALID_VARIABLE: Final = (ValueError, OSError)
"""Errors of the SDK that reads numbers and files named by variables."""

_log: Final = logging.getLogger(__name__)


class Tracing(Protocol):
    """Wraps an application and functions, so that their calls are traced."""

    def requests(self, application: "WSGIApplication", route: Callable[[], str | None]) -> "WSGIApplication":
        """Trace every request.

        A span continues the trace of the request's `traceparent`. It ends when the response begins: a stream's events
        are not part of it. Its attributes are those of OpenTelemetry's conventions for HTTP servers, except the path,
        the query, the user agent and the client's address, which are personal or may contain anything.

        Args:
            application: called once for each request.
            route: returns the rule of the current request when its response begins; None where no rule matches.
        """

    def step(self, name: str, function: Callable[P, R]) -> Callable[P, R]:
        """Trace a function as a child of the request's span."""

    def start(self) -> None:
        """Start to send traces in the background. Call it after the process has forked."""


class NoTracing:
    """Tracing that wraps nothing."""

    def requests(
        self,
        application: "WSGIApplication",
        route: Callable[[], str | None],  # noqa: ARG002
    ) -> "WSGIApplication":
        """Return the application unchanged."""
        return application

    def step(self, name: str, function: Callable[P, R]) -> Callable[P, R]:  # noqa: ARG002
        """Return the function unchanged."""
        return function

    def start(self) -> None:
        """Start nothing."""


def make_tracing(endpoint: str | None, timeout: float) -> Tracing:
    """Make the tracing of a process. It sends nothing before it is started.

    Args:
        endpoint: the collector's address for traces (OTLP over HTTP); None for no tracing. The SDK reads further
            variables itself: https://opentelemetry.io/docs/specs/otel/protocol/exporter/
        timeout: seconds for one export.
    """
    if endpoint is None:
        return NoTracing()
    try:
        return _OpenTelemetry(_provider(), _exporter(endpoint, timeout))
    except ImportError:
        _log.warning(
            "No traces are sent: OTEL_EXPORTER_OTLP_ENDPOINT is set, but the extra `otel` is not installed"
        )
        return NoTracing()
    except _INVALID_VARIABLE as error:  # some variables are read at the import
        _log_invalid_variable(error)
        return NoTracing()


def _log_invalid_variable(error: Exception) -> None:
    _log.error("No traces are sent: an OTEL_ variable is invalid (%s); correct it", type(error).__name__)


def _exporter(endpoint: str, timeout: float) -> "OTLPSpanExporter":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    return OTLPSpanExporter(endpoint, timeout=timeout)


def _provider() -> "TracerProvider":
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - the extra may not be installed
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415

    resource = Resource.create()
    if str(resource.attributes["service.name"]).startswith(_UNNAMED):
        resource = resource.merge(Resource({"service.name": "receiver"}))
    return TracerProvider(resource=resource)


class _OpenTelemetry:
    def __init__(self, provider: "TracerProvider", exporter: "OTLPSpanExporter") -> None:
        from opentelemetry.trace import SpanKind, StatusCode  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
            TraceContextTextMapPropagator,
        )

        self._provider = provider
        self._exporter = exporter
        self._tracer = provider.get_tracer("receiver")
        self._kinds = SpanKind
        self._failed = StatusCode.ERROR
        self._propagator = TraceContextTextMapPropagator()

    def requests(self, application: "WSGIApplication", route: Callable[[], str | None]) -> "WSGIApplication":
        """Trace every request."""

        def traced(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
            attributes = _request_attributes(environ)
            method = str(attributes["http.request.method"])
            name = "HTTP" if method == _OTHER else method
            with self._tracer.start_as_current_span(
                name,
                self._parent(environ),
                self._kinds.SERVER,
                attributes,
                record_exception=False,
                set_status_on_exception=False,
            ) as span:

                def start(status: str, *rest: Any) -> Any:
                    code = int(status[:3])
                    span.set_attribute("http.response.status_code", code)
                    if (rule := route()) is not None:
                        span.set_attribute("http.route", rule)
                        span.update_name(f"{name} {rule}")
                    if code >= _SERVER_ERROR:
                        span.set_attribute("error.type", str(code))
                        span.set_status(self._failed)
                    return start_response(status, *rest)

                return application(environ, start)

        return traced

    def step(self, name: str, function: Callable[P, R]) -> Callable[P, R]:
        """Trace a step of a request."""

        @functools.wraps(function)
        def traced(*args: P.args, **kwargs: P.kwargs) -> R:
            with self._tracer.start_as_current_span(
                name, None, self._kinds.INTERNAL, record_exception=False, set_status_on_exception=False
            ) as span:
                try:
                    return function(*args, **kwargs)
                except Exception as error:
                    span.set_status(self._failed, type(error).__name__)
                    raise

        return traced

    def start(self) -> None:
        """Start to send spans in the background; until then they are dropped."""
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        try:
            self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        except _INVALID_VARIABLE as error:
            _log_invalid_variable(error)

    def _parent(self, environ: "WSGIEnvironment") -> "Context":
        names = {"traceparent": "HTTP_TRACEPARENT", "tracestate": "HTTP_TRACESTATE"}
        return self._propagator.extract({key: environ.get(name, "") for key, name in names.items()})


def _request_attributes(environ: "WSGIEnvironment") -> dict[str, str | int]:
    """Return the attributes of a request by the conventions: https://opentelemetry.io/docs/specs/semconv/http/http-spans/."""
    method = environ["REQUEST_METHOD"]
    found: dict[str, str | int] = {
        "http.request.method": method if method in _METHODS else _OTHER,
        "url.scheme": environ["wsgi.url_scheme"],
        "network.protocol.version": environ.get("SERVER_PROTOCOL", "").rpartition("/")[2],
    }
    if host := _HOST.fullmatch(environ.get("HTTP_HOST", "")):
        found["server.address"] = host[1]
        if host[2]:
            found["server.port"] = int(host[2])
    return found
