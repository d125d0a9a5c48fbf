"""The Flask app of a process: its routes, its errors and its middleware, around the components."""

from collections.abc import Iterator
from typing import Final

from flask import Blueprint, Flask
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter

from receiver.components import Components
from receiver.server.environ_names import HAS_UNFINISHED_WORK, REJECT_EARLY
from receiver.store.quarantine_reader import QuarantineReader
from receiver.store.reader import Reader
from receiver.store.snapshots import Snapshots
from receiver.web.endpoints.call_routes import CallRoutes
from receiver.web.endpoints.callback_routes import CallbackRoutes
from receiver.web.endpoints.event_routes import EventRoutes
from receiver.web.endpoints.health_routes import HealthRoutes
from receiver.web.endpoints.metrics_routes import MetricsRoutes
from receiver.web.endpoints.notification_routes import NotificationRoutes
from receiver.web.endpoints.operation_routes import OperationRoutes
from receiver.web.endpoints.quarantine_routes import QuarantineRoutes
from receiver.web.flask_overrides import ReceiverFlask
from receiver.web.live.long_poll import LongPoll
from receiver.web.middleware.admission_queue import AdmissionQueue
from receiver.web.middleware.fast_rejector import FastRejector
from receiver.web.middleware.load_shedder import REJECTIONS_AT_ONCE, LoadShedder
from receiver.web.middleware.request_context import add_request_context, route, time_left
from receiver.web.middleware.request_priority import PriorityClassifier
from receiver.web.openapi.openapi_document import Document
from receiver.web.openapi.openapi_routes import OpenAPIRoutes
from receiver.web.pages import PageRoutes, public_error
from receiver.web.problems import register_problems

_LOOPBACK_NAMES: Final = ["127.0.0.1", "localhost", "[::1]"]


class _AnythingConverter(BaseConverter):
    """The rest of a path, whatever it contains: slashes, also at its beginning, newlines, dots."""

    regex = r"(?s:.+)"
    part_isolating = False


def create_app(components: Components) -> Flask:
    """Make the app around the components of this process. It starts no thread: see `Components.start`."""
    settings = components.settings
    app = ReceiverFlask("receiver")
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    if settings.open_queries:
        app.config["TRUSTED_HOSTS"] = (
            _LOOPBACK_NAMES  # else any web page could read through its own host name
        )
    app.url_map.merge_slashes = False
    app.url_map.converters["anything"] = _AnythingConverter
    register_problems(app, components.metrics.counters.count_refusal, public_error)
    for blueprint in _blueprints(components, Document(app)):
        app.register_blueprint(blueprint)
    _add_middleware(app, components)
    if components.drainer:
        app.extensions[HAS_UNFINISHED_WORK] = components.drainer.is_unfinished
    return app


def _blueprints(components: Components, document: Document) -> Iterator[Blueprint]:
    settings, authorizer, writer = components.settings, components.authorizer, components.writer
    sink, counters = components.sink, components.metrics.counters
    # Reads of a request end with its time; waits and streams go on after it, and use the readers of the components.
    reader = Reader(components.reads, within=time_left, skipped=components.skipped)
    quarantine = QuarantineReader(components.reads, within=time_left, skipped=components.skipped)
    snapshots = Snapshots(components.reads, components.reader)
    long_poll = LongPoll(components.reader, snapshots, components.hub)

    yield CallbackRoutes(components.verifier, sink, counters, components.tracing).blueprint()
    yield NotificationRoutes(settings.client_states, sink, reader, authorizer, counters).blueprint()
    yield OperationRoutes(reader, writer, components.eraser, long_poll, authorizer).blueprint()
    yield EventRoutes(components.reader, components.feed, components.hub, authorizer).blueprint()
    yield CallRoutes(reader, components.eraser, authorizer).blueprint()
    yield QuarantineRoutes(quarantine, writer, authorizer).blueprint()
    yield MetricsRoutes(components.metrics.text, authorizer).blueprint()
    yield PageRoutes(
        reader,
        quarantine,
        authorizer,
        document,
        recent_answers=lambda: components.metrics.recent_answers,
        spool=components.spool,
    ).blueprint()
    yield OpenAPIRoutes(document).blueprint()
    yield HealthRoutes(
        components.store_client,
        writer,
        components.keys,
        components.spool,
        authorizer,
        supervisor=components.supervisor,
        skipped=components.skipped,
        callback_is_set=bool(settings.app_ids),
        queries_are_set=bool(settings.api_keys) or settings.open_queries,
    ).blueprint()


def _add_middleware(app: Flask, components: Components) -> None:
    """Wrap the app: proxy headers first, then load shedding, the request's context, and tracing around Flask."""
    settings, supervisor = components.settings, components.supervisor
    load_shedder = LoadShedder(
        add_request_context(components.tracing.requests(app.wsgi_app, route)),
        components.sink,
        components.reads,
        components.metrics.counters,
        classifier=PriorityClassifier(components.verifier.is_cached, components.authorizer.knows),
        admission_queue=AdmissionQueue(supervisor=supervisor),
        rejections=AdmissionQueue(at_once=REJECTIONS_AT_ONCE, name="refusals", supervisor=supervisor),
    )
    app.wsgi_app = load_shedder  # type: ignore[method-assign] # the way that Flask's documentation shows
    app.extensions[REJECT_EARLY] = FastRejector(
        load_shedder, behind_proxy=settings.trusted_proxies > 0
    ).reject
    if settings.trusted_proxies:
        # Each proxy appends its client to X-Forwarded-For; X-Forwarded-Proto is set by the nearest one.
        trusted = ProxyFix(load_shedder, x_for=settings.trusted_proxies, x_proto=1)
        app.wsgi_app = trusted  # type: ignore[method-assign]
