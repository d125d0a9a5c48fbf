"""The only place where the parts are put together."""

import math
from collections.abc import Iterator
from typing import Final

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter

from receiver.config import Settings
from receiver.metrics.gauges import Reading
from receiver.metrics.metrics import Metrics
from receiver.store.connections import connect
from receiver.store.deadlines import Deadlines
from receiver.store.eraser import Eraser
from receiver.store.feed import Feed
from receiver.store.link import Link
from receiver.store.pipeline import Pipeline
from receiver.store.reader import Reader
from receiver.store.writer import Writer
from receiver.tracing import start_tracing
from receiver.trust.api_keys import APIKeyRing
from receiver.trust.key_set import KeySet
from receiver.trust.tokens import TokenVerifier
from receiver.web.access import Gate
from receiver.web.callback import make_callback
from receiver.web.calls import make_calls
from receiver.web.context import register_context
from receiver.web.events import encode, make_events
from receiver.web.headers import register_headers
from receiver.web.health import make_health
from receiver.web.hub import Hub
from receiver.web.lean import LeanFlask
from receiver.web.metrics import make_metrics
from receiver.web.notifications import make_notifications
from receiver.web.openapi.document import Document
from receiver.web.openapi.routes import make_openapi
from receiver.web.operations import make_operations
from receiver.web.page import make_page
from receiver.web.problems import register_problems
from receiver.web.quarantine import make_quarantine
from receiver.web.sessions import Sessions
from receiver.web.tries import Tries
from receiver.web.waiting import Waiter

_READS_IN_LINE: Final = 250
_LOOPBACK_NAMES: Final = ["127.0.0.1", "localhost", "[::1]"]


class _AnythingConverter(BaseConverter):
    """The rest of a path, whatever it holds: slashes, also in front, newlines, dots."""

    regex = r"(?s:.+)"
    part_isolating = False


def create_app(settings: Settings) -> Flask:
    """Make the app, in the process that serves it: connections and threads don't survive a fork.

    Args:
        settings: with the address of a store; the embedded one is started before (`receiver.server`).

    Raises:
        ValueError: there is no address of a store.
    """
    if settings.redis_url is None:
        raise ValueError("no store: set REDIS_URL, or let `receiver serve` start the embedded one")
    metrics = Metrics(settings.metrics_dir, settings.instance)
    meters = metrics.meters
    link = Link(connect(settings.redis_url, settings.redis_tls_verify))
    writes = Pipeline(link, observe=meters.round_trip("write"))
    reads = Pipeline(link, line=_READS_IN_LINE, gives_way_to=writes, observe=meters.round_trip("read"))
    reader = Reader(reads)
    writer = Writer(writes, retention_days=settings.retention_days, overdue_seconds=settings.overdue_seconds)
    eraser = Eraser(link)
    deadlines = Deadlines(link)
    feed = Feed(link)
    # One that waits holds its connection, so the hub has a link of its own.
    waiting = Link(connect(settings.redis_url, settings.redis_tls_verify), size=1)
    hub = Hub(Feed(waiting), encode, most=settings.max_waiting)
    keys = KeySet(settings.metadata_url, hosts=settings.key_hosts)
    verifier = TokenVerifier(
        keys, app_ids=settings.app_ids, tenants=settings.tenants, issuers=settings.issuers
    )
    sessions = Sessions(link, settings.api_keys)
    gate = Gate(APIKeyRing(settings.api_keys), sessions, Tries(link), open_to_all=settings.open_queries)

    app = LeanFlask("receiver")
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    if settings.open_queries:
        app.config["TRUSTED_HOSTS"] = _LOOPBACK_NAMES  # else any web page could ask through a name of its own
    if settings.trusted_proxies:
        # Each proxy adds to X-Forwarded-For whom it speaks with; X-Forwarded-Proto is what the nearest one says.
        trusted = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=1)
        app.wsgi_app = trusted  # type: ignore[method-assign] # as Flask's documentation has it
    app.url_map.merge_slashes = False
    app.url_map.converters["anything"] = _AnythingConverter
    register_context(app)
    register_headers(app)
    register_problems(app, meters.refused)
    app.register_blueprint(make_callback(verifier, writer, meters, start_tracing(settings.otlp_endpoint)))
    app.register_blueprint(make_notifications(settings.client_states, writer, reader, gate, meters))
    app.register_blueprint(make_operations(reader, writer, eraser, Waiter(reader, feed, hub), gate))
    app.register_blueprint(make_events(reader, feed, hub, gate))
    app.register_blueprint(make_calls(reader, eraser, gate))
    app.register_blueprint(make_quarantine(reader, writer, gate))
    app.register_blueprint(make_metrics(metrics.text, gate))
    document = Document(app)
    app.register_blueprint(make_page(reader, gate, document, lambda: metrics.recent_answers))
    app.register_blueprint(make_openapi(document))
    app.register_blueprint(
        make_health(
            writer,
            keys,
            callback_is_set=bool(settings.app_ids),
            queries_are_set=bool(settings.api_keys) or settings.open_queries,
        )
    )
    if settings.app_ids:
        keys.start()
    if settings.app_ids or settings.api_keys:  # else no operation gets in
        deadlines.start()
    metrics.start(
        *_present(hub, writes, reads, deadlines), *(_present_keys(keys) if settings.app_ids else ())
    )
    return app


def _present(hub: Hub, writes: Pipeline, reads: Pipeline, deadlines: Deadlines) -> Iterator[Reading]:
    """Yield what can be read of the present."""
    yield Reading("workers", "Workers that are alive.", "livesum", lambda: 1)
    yield Reading("open_streams", "Live streams that are open.", "livesum", lambda: hub.count_of("stream"))
    yield Reading("waiters", "Requests that wait for a result.", "livesum", lambda: hub.count_of("waiter"))
    yield Reading(
        "feed_lag_seconds",
        "By how much those who wait and stream learn late what has changed; of the worker that is worst off.",
        "livemax",
        lambda: hub.lag,
    )
    line = "Calls that stand in line for a round trip to the store."
    yield Reading("store_line_calls", line, "livesum", lambda: writes.line, (("way", "write"),))
    yield Reading("store_line_calls", line, "livesum", lambda: reads.line, (("way", "read"),))
    yield Reading(
        "overdue_operations",
        "Operations whose result is overdue; all that the store knows, so every instance tells the same.",
        "livemax",
        lambda: deadlines.overdue,
    )


def _present_keys(keys: KeySet) -> Iterator[Reading]:
    def age() -> float:
        known = keys.status().age
        return math.inf if known is None else known

    text = (
        "Since the signing keys were last fetched; of the worker that is worst off, infinite if it has none."
    )
    yield Reading("signing_keys_age_seconds", text, "livemax", age)
    yield Reading(
        "signing_keys", "Signing keys of the worker that has fewest.", "livemin", lambda: keys.status().keys
    )
