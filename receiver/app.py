"""The only place where the parts are put together."""

from typing import Final

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter

from receiver.config import Settings
from receiver.store.connections import connect
from receiver.store.drain import Drainer
from receiver.store.eraser import Eraser
from receiver.store.feed import Feed
from receiver.store.intake import Intake, Keeper, Outage
from receiver.store.link import Link
from receiver.store.pipeline import Pipeline
from receiver.store.reader import Reader
from receiver.store.spool import Aside, Spool, here
from receiver.store.spool_eraser import SpoolEraser
from receiver.store.spool_file import SpoolFile
from receiver.store.writer import Writer
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
UNFINISHED: Final = "receiver.unfinished"
"""Where the server looks for what tells whether there is work that the end of the process should wait for."""

_LOOPBACK_NAMES: Final = ["127.0.0.1", "localhost", "[::1]"]


class _AnythingConverter(BaseConverter):
    """The rest of a path, whatever it holds: slashes, also in front, newlines, dots."""

    regex = r"(?s:.+)"
    part_isolating = False


def create_app(settings: Settings, aside: Aside = here) -> Flask:
    """Make the app, in the process that serves it: connections and threads don't survive a fork.

    Args:
        settings: with the address of a store; the embedded one is started before (`receiver.server`).
        aside: carries out work that waits for a disk, as the server wants it done.

    Raises:
        ValueError: there is no address of a store.
    """
    if settings.redis_url is None:
        raise ValueError("no store: set REDIS_URL, or let `receiver serve` start the embedded one")
    link = Link(connect(settings.redis_url, settings.redis_tls_verify))
    writes = Pipeline(link)
    reader = Reader(Pipeline(link, line=_READS_IN_LINE, gives_way_to=writes))
    writer = Writer(writes, retention_days=settings.retention_days)
    keeper: Keeper = writer
    eraser: Eraser = Eraser(link)
    spool = drainer = None
    if settings.spool:
        spool, outage = Spool(SpoolFile(settings.spool, settings.spool_max_bytes), aside), Outage()
        keeper, eraser = Intake(writer, spool, outage), SpoolEraser(link, spool)
        drainer = Drainer(spool, writer, outage, retention_days=settings.retention_days)
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
    register_problems(app)
    app.register_blueprint(make_callback(verifier, keeper))
    app.register_blueprint(make_notifications(settings.client_states, keeper, reader, gate))
    app.register_blueprint(make_operations(reader, writer, eraser, Waiter(reader, feed, hub), gate))
    app.register_blueprint(make_events(reader, feed, hub, gate))
    app.register_blueprint(make_calls(reader, eraser, gate))
    app.register_blueprint(make_quarantine(reader, writer, gate))
    document = Document(app)
    app.register_blueprint(make_page(reader, gate, document, spool))
    app.register_blueprint(make_openapi(document))
    app.register_blueprint(
        make_health(
            link,
            writer,
            keys,
            spool,
            callback_is_set=bool(settings.app_ids),
            queries_are_set=bool(settings.api_keys) or settings.open_queries,
        )
    )
    if settings.app_ids:
        keys.start()
    if drainer:
        app.extensions[UNFINISHED] = drainer.is_at_work
        drainer.start()
    return app
