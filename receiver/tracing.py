"""Traces by OpenTelemetry, for who has installed the extra `otel` and named a collector; for all others no code at all.

What is to be traced is wrapped when the app is put together, so where nothing is traced, nothing is wrapped.
A span names what failed by the error's type only: texts of errors may hold what was sent.
"""

import functools
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Tracer

P = ParamSpec("P")
R = TypeVar("R")

_EXPORT_SECONDS: Final = 3.0
"""A collector that is away must not hold up the end of a worker."""

_log: Final = logging.getLogger(__name__)


class Tracing(Protocol):
    """Wraps functions, so that their calls are traced."""

    def request(self, name: str, header: Callable[[str], str | None], view: Callable[P, R]) -> Callable[P, R]:
        """Wrap a view: its span goes on where the request's `traceparent` has come from."""

    def step(self, name: str, function: Callable[P, R]) -> Callable[P, R]:
        """Wrap what is done for a request: its span is a part of the request's."""


class NoTracing:
    """Wraps nothing."""

    def request(
        self,
        name: str,  # noqa: ARG002
        header: Callable[[str], str | None],  # noqa: ARG002
        view: Callable[P, R],
    ) -> Callable[P, R]:
        """Return the view as it is."""
        return view

    def step(self, name: str, function: Callable[P, R]) -> Callable[P, R]:  # noqa: ARG002
        """Return the function as it is."""
        return function


def start_tracing(endpoint: str | None) -> Tracing:
    """Begin to send traces to a collector, in the background. Call it after the process has forked.

    Args:
        endpoint: the collector's address (OTLP over HTTP); None: there is none. The SDK reads
            further variables for itself: https://opentelemetry.io/docs/specs/otel/protocol/exporter/
    """
    if endpoint is None:
        return NoTracing()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - the extra may not be installed
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        _log.warning("OTEL_EXPORTER_OTLP_ENDPOINT is set, but the extra `otel` is not installed: no traces")
        return NoTracing()
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_SECONDS)
    provider = TracerProvider(resource=Resource.create({"service.name": "receiver"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return _OpenTelemetry(provider.get_tracer("receiver"))


class _OpenTelemetry:
    """Wraps functions in spans."""

    def __init__(self, tracer: "Tracer") -> None:
        from opentelemetry.trace import SpanKind, StatusCode  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
            TraceContextTextMapPropagator,
        )

        self._tracer = tracer
        self._kinds = SpanKind
        self._failed = StatusCode.ERROR
        self._propagator = TraceContextTextMapPropagator()

    def request(self, name: str, header: Callable[[str], str | None], view: Callable[P, R]) -> Callable[P, R]:
        """Wrap a view."""

        def came_from() -> "Context":
            carrier = {key: header(key) or "" for key in ("traceparent", "tracestate")}
            return self._propagator.extract(carrier)

        return self._wrapped(name, view, came_from, is_request=True)

    def step(self, name: str, function: Callable[P, R]) -> Callable[P, R]:
        """Wrap a part of a request."""
        return self._wrapped(name, function, lambda: None, is_request=False)

    def _wrapped(
        self, name: str, function: Callable[P, R], parent: "Callable[[], Context | None]", *, is_request: bool
    ) -> Callable[P, R]:
        kind = self._kinds.SERVER if is_request else self._kinds.INTERNAL

        @functools.wraps(function)
        def traced(*args: P.args, **kwargs: P.kwargs) -> R:
            with self._tracer.start_as_current_span(
                name, parent(), kind, record_exception=False, set_status_on_exception=False
            ) as span:
                try:
                    return function(*args, **kwargs)
                except Exception as error:
                    span.set_status(self._failed, type(error).__name__)
                    raise

        return traced
