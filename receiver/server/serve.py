"""The server: gunicorn with the receiver's settings, and the embedded store if no other is set.

gunicorn is configured here alone: not from a file, and not from `GUNICORN_CMD_ARGS`, by which platforms add an access
log. Before the workers are forked, the master imports nothing that gevent patches in them: every module that opens
connections is imported with the application, which each worker makes for itself.
"""

import dataclasses
import logging
import os
import resource
import tempfile
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from receiver.metrics.metrics_folder import VARIABLE, MetricsFolder, reserve
from receiver.server.environ_names import HAS_UNFINISHED_WORK
from receiver.server.worker import Worker
from receiver.store.embedded.embedded_store import EmbeddedStore, EmbeddedStoreError

if TYPE_CHECKING:
    import flask

    from receiver.settings.configuration import Settings

KEEP_ALIVE_SECONDS: Final = 95
"""Idle time of a client's connection; longer than the 90 s of platform routers, which can't send a POST again."""

GRACEFUL_SECONDS: Final = 20
"""Time limit of a graceful stop: platforms kill 30 s after SIGTERM, and the embedded store stops after the workers."""

_BACKGROUND_WORK_SECONDS: Final = 15.0
"""Longest wait of a stopping worker for its background work."""

_STORE_START_SECONDS: Final = 50.0
"""Time limit for the start of the embedded store, which first reads its whole file."""

_MAX_CONNECTIONS: Final = 10_000
"""Connections of a worker, if the limit of open files allows as many."""

_OTHER_FILES: Final = 100
"""Files that a worker opens besides its clients' connections."""

_MEMORY_FOLDER: Final = "/dev/shm"  # noqa: S108 - files are made there safely
_MIN_FREE_MEMORY: Final = 16 * 2**20
"""Bytes; a worker takes less than one million of them, also after it has ended."""

_log: Final = logging.getLogger(__name__)


class ServerError(Exception):
    """The server can't start; the message has the reason and what to do."""


def serve(
    settings: "Settings",
    make_app: "Callable[[Settings], flask.Flask]",
    *,
    on_ready: Callable[[str], None] | None = None,
    on_stop: Callable[[], None] | None = None,
) -> None:
    """Serve until a signal stops the process; leave by SystemExit with gunicorn's exit status.

    Args:
        settings: where to listen, how many workers, which store; without a Redis address the embedded one.
        make_app: makes the application in each worker; must import within it what the application needs.
        on_ready: called with the address, `http://…`, as soon as connections are accepted.
        on_stop: called before the workers are stopped, possibly more than once.

    Raises:
        EmbeddedStoreError: the embedded store does not start.
        ServerError: no folder for temporary files can be written.
    """
    if _memory_folder() is None and not _can_write_to_disk():
        raise ServerError(
            "No folder for temporary files can be written. Set TMPDIR to one, for example TMPDIR=/var/tmp"
        )
    store = EmbeddedStore(settings.data_dir) if settings.redis_url is None else None
    metrics = MetricsFolder(_memory_folder())
    settings = dataclasses.replace(settings, metrics_dir=metrics.path)
    try:
        if store:
            settings = dataclasses.replace(settings, redis_url=store.start(_STORE_START_SECONDS))
        _Gunicorn(settings, make_app, store, metrics, on_ready=on_ready, on_stop=on_stop).run()
    finally:
        if store:  # all workers have ended; in a worker, which leaves through here too, this does nothing
            store.stop()
        metrics.remove()


class _Gunicorn(BaseApplication):  # type: ignore[misc]
    """What gunicorn asks for: its settings and the application."""

    def __init__(
        self,
        settings: "Settings",
        make_app: "Callable[[Settings], flask.Flask]",
        store: EmbeddedStore | None,
        metrics: MetricsFolder,
        *,
        on_ready: Callable[[str], None] | None,
        on_stop: Callable[[], None] | None,
    ) -> None:
        self._settings = settings
        self._make_app = make_app
        self._on_ready = on_ready
        self.on_stop = on_stop
        self.store = store
        self._metrics = metrics
        super().__init__()

    def load_config(self) -> None:
        for name, value in gunicorn_settings(self._settings).items():
            self.cfg.set(name, value)
        self.cfg.set("when_ready", self._when_ready)
        self.cfg.set("post_fork", self._reserve_metrics)
        self.cfg.set("pre_request", _log_nothing)
        self.cfg.set("child_exit", self._release_metrics)
        self.cfg.set("worker_exit", self._await_background_work)

    def load(self) -> "flask.Flask":
        return self._make_app(self._settings)

    def run(self) -> None:
        _Arbiter(self).run()

    def _reserve_metrics(self, _: Any, worker: Worker) -> None:
        """Reserve space for a new worker's metrics; without space `/metrics` shows one worker at a time."""
        try:
            reserve(self._metrics.path, worker.pid)
        except OSError as error:
            _log.error(
                "no room for metrics: /metrics returns those of one worker at a time, reason %s", error
            )
            self._settings = dataclasses.replace(self._settings, metrics_dir=None)
        else:  # prometheus_client reads the variable once, when the application imports it
            self.cfg.set("raw_env", [f"{VARIABLE}={self._metrics.path}"])

    def _release_metrics(self, _: Any, worker: Any) -> None:
        self._metrics.forget(worker.pid)

    def _when_ready(self, arbiter: Any) -> None:
        if self._on_ready:
            host, port = arbiter.LISTENERS[0].sock.getsockname()[:2]
            self._on_ready(f"http://{_bracketed(host)}:{port}")

    def _await_background_work(self, _: Any, worker: Worker) -> None:
        """Let a worker that has sent its last response finish its background work."""
        is_unfinished = getattr(self.callable, "extensions", {}).get(HAS_UNFINISHED_WORK)
        if not is_unfinished:
            return
        began, waited = time.monotonic(), 0.0
        while not worker.at_once and waited < _BACKGROUND_WORK_SECONDS and is_unfinished(waited):
            time.sleep(0.05)
            waited = time.monotonic() - began


class _Arbiter(Arbiter):  # type: ignore[misc]
    """gunicorn's master, which also supervises the embedded store, once a second."""

    def manage_workers(self) -> None:
        store: EmbeddedStore | None = self.app.store
        try:
            if store and store.revive():
                _log.error("The embedded store's supervisor had died; it was started again.")
            if store:
                store.tidy()
        except EmbeddedStoreError as error:
            _log.error("The embedded store's supervisor has died: %s", error)
        super().manage_workers()

    def stop(self, graceful: bool = True) -> None:
        if self.app.on_stop:
            self.app.on_stop()
        super().stop(graceful)


def _log_nothing(worker: Worker, request: Any) -> None:
    """Replace gunicorn's hook that logs the path of each request at debug: a path may contain a name."""


class _Logger(Logger):  # type: ignore[misc]
    """Passes gunicorn's messages on to the root logger, where `receiver.logs` formats them.

    Its debug messages are dropped: some quote what a client sent, including paths and tokens.
    """

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self.error_log.propagate = True
        self.access_log.propagate = True

    def debug(self, msg: str, *args: Any, **more: Any) -> None:
        """Drop a message."""

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Do nothing: `receiver.request` logs every request."""


def gunicorn_settings(settings: "Settings") -> dict[str, object]:
    """Return gunicorn's settings by name."""
    return {
        "bind": f"{_bracketed(settings.host)}:{settings.port}",
        "backlog": 2048,
        "workers": settings.workers,
        "worker_class": Worker,
        "worker_connections": _max_connections(),
        "worker_tmp_dir": _memory_folder(),  # no heartbeat waits for a disk
        "keepalive": KEEP_ALIVE_SECONDS,
        "timeout": 30,
        "graceful_timeout": GRACEFUL_SECONDS,
        "http_parser": "python",
        "limit_request_line": 8190,
        "limit_request_fields": 64,
        # No header sets the scheme or SCRIPT_NAME here, since none is named; `receiver.app` decides which proxies
        # are trusted. With a list of addresses gunicorn would parse each request's.
        "forwarded_allow_ips": "*",
        "forwarder_headers": "",
        "secure_scheme_headers": {},
        "sendfile": False,  # it would bypass the deadlines of `Connection`
        "control_socket_disable": True,
        "preload_app": False,
        "accesslog": None,
        "logger_class": _Logger,
        "proc_name": "receiver",
    }


def _memory_folder() -> str | None:
    """Return a folder in memory; None, which stands for one on disk, if there is none or it is nearly full."""
    if not os.access(_MEMORY_FOLDER, os.W_OK):
        return None
    space = os.statvfs(_MEMORY_FOLDER)
    is_nearly_full = space.f_bavail * space.f_frsize < _MIN_FREE_MEMORY
    return None if is_nearly_full and _can_write_to_disk() else _MEMORY_FOLDER


def _can_write_to_disk() -> bool:
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        return False
    return True


def _max_connections() -> int:
    """Raise the process's limit of open files; return the number of connections for which it is enough."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_CONNECTIONS + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return _MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else min(_MAX_CONNECTIONS, soft - _OTHER_FILES)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
