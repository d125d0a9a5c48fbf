"""The app: the routes before the parts, and what runs beside them."""

from typing import Final

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter

from receiver.component_gauges import gauge_sources
from receiver.components import make_components
from receiver.server.environ_names import HAS_UNFINISHED_WORK, REJECT_EARLY
from receiver.settings.configuration import Settings
from receiver.spool.disk_thread import BlockingExecutor, run_inline
from receiver.store.quarantine_reader import QuarantineReader
from receiver.store.reader import Reader
from receiver.store.snapshots import Snapshots
from receiver.tracing import start_tracing
from receiver.web.endpoints.call_routes import make_calls
from receiver.web.endpoints.callback_routes import make_callback
from receiver.web.endpoints.event_routes import make_events
from receiver.web.endpoints.health_routes import make_health
from receiver.web.endpoints.metrics_routes import make_metrics
from receiver.web.endpoints.notification_routes import make_notifications
from receiver.web.endpoints.operation_routes import make_operations
from receiver.web.endpoints.quarantine_routes import make_quarantine
from receiver.web.flask_overrides import ReceiverFlask
from receiver.web.live.long_poll import Waiter
from receiver.web.middleware.admission_queue import AdmissionQueue
from receiver.web.middleware.fast_rejector import FastRejector
from receiver.web.middleware.load_shedder import REFUSED_AT_ONCE, LoadShedder
from receiver.web.middleware.request_context import route, time_left, with_context
from receiver.web.middleware.request_priority import Ranks
from receiver.web.openapi.openapi_document import Document
from receiver.web.openapi.openapi_routes import make_openapi
from receiver.web.pages import make_page, public_error
from receiver.web.problems import register_problems

_LOOPBACK_NAMES: Final = ["127.0.0.1", "localhost", "[::1]"]


class _AnythingConverter(BaseConverter):
    """The rest of a path, whatever it holds: slashes, also in front, newlines, dots."""

    regex = r"(?s:.+)"
    part_isolating = False


def create_app(settings: Settings, executor: BlockingExecutor = run_inline) -> Flask:
    """Make the app, in the process that serves it: connections and threads don't survive a fork.

    Args:
        settings: with the address of a store; the embedded one is started before (`receiver.server.serve`).
        executor: carries out work that waits for a disk, as the server wants it done.

    Raises:
        ValueError: there is no address of a store.
    """
    components = make_components(settings, executor)
    authorizer, counters = components.authorizer, components.metrics.counters
    # All that a request reads has the request's time; who waits or streams goes on after it.
    reader = Reader(components.reads, within=time_left, skipped=components.skipped)
    quarantine = QuarantineReader(components.reads, within=time_left, skipped=components.skipped)
    waiter = Waiter(components.reader, Snapshots(components.reads, components.reader), components.hub)

    tracing = start_tracing(settings.otlp_endpoint, settings.otlp_timeout)
    app = ReceiverFlask("receiver")
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    if settings.open_queries:
        app.config["TRUSTED_HOSTS"] = _LOOPBACK_NAMES  # else any web page could ask through a name of its own
    admission_queue = AdmissionQueue(supervisor=components.supervisor)
    refusals = AdmissionQueue(at_once=REFUSED_AT_ONCE, name="refusals", supervisor=components.supervisor)
    ranks = Ranks(components.verifier.is_cached, authorizer.knows)
    load_shedder = LoadShedder(
        with_context(tracing.requests(app.wsgi_app, route)),
        components.sink,
        components.reads,
        counters,
        ranks=ranks,
        admission_queue=admission_queue,
        refusals=refusals,
    )
    app.wsgi_app = load_shedder  # type: ignore[method-assign] # as Flask's documentation has it
    app.extensions[REJECT_EARLY] = FastRejector(
        load_shedder, behind_proxy=settings.trusted_proxies > 0
    ).refuse
    if settings.trusted_proxies:
        # Each proxy adds to X-Forwarded-For whom it speaks with; X-Forwarded-Proto is what the nearest one says.
        trusted = ProxyFix(load_shedder, x_for=settings.trusted_proxies, x_proto=1)
        app.wsgi_app = trusted  # type: ignore[method-assign]
    app.url_map.merge_slashes = False
    app.url_map.converters["anything"] = _AnythingConverter
    register_problems(app, counters.count_refusal, public_error)
    app.register_blueprint(make_callback(components.verifier, components.sink, counters, tracing))
    app.register_blueprint(
        make_notifications(settings.client_states, components.sink, reader, authorizer, counters)
    )
    app.register_blueprint(make_operations(reader, components.writer, components.eraser, waiter, authorizer))
    app.register_blueprint(make_events(components.reader, components.feed, components.hub, authorizer))
    app.register_blueprint(make_calls(reader, components.eraser, authorizer))
    app.register_blueprint(make_quarantine(quarantine, components.writer, authorizer))
    app.register_blueprint(make_metrics(components.metrics.text, authorizer))
    document = Document(app)
    app.register_blueprint(
        make_page(
            reader,
            quarantine,
            authorizer,
            document,
            recent_answers=lambda: components.metrics.recent_answers,
            spool=components.spool,
        )
    )
    app.register_blueprint(make_openapi(document))
    app.register_blueprint(
        make_health(
            components.store_client,
            components.writer,
            components.keys,
            components.spool,
            authorizer,
            supervisor=components.supervisor,
            skipped=components.skipped,
            callback_is_set=bool(settings.app_ids),
            queries_are_set=bool(settings.api_keys) or settings.open_queries,
        )
    )
    if settings.app_ids:
        components.keys.start()
    if settings.app_ids or settings.api_keys:  # else no operation gets in
        components.overdue_watcher.start()
    components.metrics.start(
        components.supervisor, *gauge_sources(components, keys_are_used=bool(settings.app_ids))
    )
    if components.drainer:
        app.extensions[HAS_UNFINISHED_WORK] = components.drainer.is_unfinished
        components.drainer.start()
    return app
