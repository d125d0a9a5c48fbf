"""A small application, served as `receiver serve` serves the real one: `python -m tests.server.app`.

It is configured by the environment: `DEADLINE`, `ACCEPT_SECONDS` and `GRACE` (seconds) shorten waits, and `FILES`
limits the open files, and so the connections, of the process.
"""
# ruff: noqa: PLC0415, T201 - the workers import, and the tests read what is printed

import os
import resource
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from receiver.logs import configure_logging
from receiver.server import connection, environ_names, serve, worker
from receiver.settings.configuration import Settings, read_settings

if TYPE_CHECKING:
    from flask import Flask

REFUSAL = b"HTTP/1.1 503 No\r\nContent-Length: 7\r\n\r\nrefused"


def make_app(settings: Settings) -> "Flask":
    import redis
    from flask import Flask, request

    app = Flask("small")
    app.config["MAX_CONTENT_LENGTH"] = 1 << 20 if "LIMIT" in os.environ else None

    @app.get("/")
    def hello() -> str:
        return "hello"

    @app.get("/slow/<float:seconds>")
    def slow(seconds: float) -> str:
        print("slow begins", flush=True)
        time.sleep(seconds)
        return "slow"

    @app.get("/wait")
    def wait() -> str:
        print("wait begins", flush=True)
        request.environ[environ_names.STOPPING].wait(30)
        return "stopping"

    @app.post("/length")
    def length() -> str:
        return str(len(request.get_data()))

    @app.get("/authenticated")
    def authenticated() -> str:
        request.environ[environ_names.MARK_AUTHENTICATED]()
        return "authenticated"

    @app.post("/unread")
    def unread() -> str:
        return "unread"

    @app.get("/much")
    def much() -> Iterator[bytes]:
        try:
            while True:
                yield bytes(1 << 20)
        finally:
            print("much ended", flush=True)

    @app.get("/count")
    def count() -> str:
        with redis.Redis.from_url(settings.redis_url or "") as store:
            return str(store.incr("count"))

    app.extensions[environ_names.REJECT_EARLY] = lambda data: (
        REFUSAL if data.startswith(b"GET /refused ") else None
    )
    return app


def on_ready(address: str) -> None:
    print(f"ready {address}", flush=True)
    print(
        f"loaded {[name for name in ('redis', 'urllib3', 'flask', 'valkey') if name in sys.modules]}",
        flush=True,
    )


if __name__ == "__main__":
    if "FILES" in os.environ:
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(os.environ["FILES"]), int(os.environ["FILES"])))
    vars(connection)["HEAD_SECONDS"] = float(os.environ.get("DEADLINE", "10"))
    vars(connection)["BODY_SECONDS"] = float(os.environ.get("DEADLINE", "10"))
    vars(connection)["WRITE_SECONDS"] = float(os.environ.get("DEADLINE", "30"))
    vars(worker)["ACCEPT_AFTER_SIGTERM_SECONDS"] = float(os.environ["ACCEPT_SECONDS"])
    vars(serve)["GRACEFUL_SECONDS"] = int(os.environ.get("GRACE", "20"))
    configure_logging("logfmt", "info")
    serve.serve(read_settings(), make_app, on_ready=on_ready)
