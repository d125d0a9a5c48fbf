from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server.running import CLIENTS, Server


@pytest.fixture(autouse=True)
def _no_clients_left() -> Iterator[None]:
    yield
    while CLIENTS:
        CLIENTS.pop().close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers that end with the test."""
    servers: list[Server] = []

    def start(**environment: str) -> Server:
        servers.append(Server(tmp_path, **environment))
        return servers[-1]

    yield start
    for server in servers:
        server.remove()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that no test stops, on a platform that sets options of its own for gunicorn."""
    options = "--access-logfile - --bind 127.0.0.1:1 --worker-class sync"
    yield from _shared(tmp_path_factory.mktemp("server"), GUNICORN_CMD_ARGS=options)


@pytest.fixture(scope="package")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose deadlines are less than half a second."""
    yield from _shared(tmp_path_factory.mktemp("impatient"), DEADLINE="0.4")


@pytest.fixture(scope="package")
def impatient_with_limit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The same; its application limits the length of bodies, so that werkzeug wraps the input."""
    yield from _shared(tmp_path_factory.mktemp("impatient"), DEADLINE="0.4", LIMIT="1")


def _shared(folder: Path, **environment: str) -> Iterator[Server]:
    server = Server(folder, **environment)
    server.get("/")  # from here on nothing is logged
    yield server
    server.remove()
