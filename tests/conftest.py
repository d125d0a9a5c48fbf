"""Set up every test: its tier, its place among the parallel workers, a real store and a real issuer of tokens."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings

from receiver.simulator.issuer import Issuer
from tests.support import stores
from tests.support.parallel import alone_or_together, make_shared_folder, remove_shared_folder

pytest_plugins = ["tests.support.service_fixtures", "tests.support.store_fixtures"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So a shell starts a background job, and so every program that is started here would ignore SIGINT, too. With a
    # handler it is reset to the default at `exec`; pytest itself goes on without minding.
    signal.signal(signal.SIGINT, lambda number, frame: None)

sys.dont_write_bytecode = False
"""pytest keeps the tests as it has rewritten them, whatever PYTHONDONTWRITEBYTECODE is: that takes a worker 5 s."""

settings.register_profile("night", deadline=None)  # tests/fuzz/night.py says what for
settings.register_profile("day", deadline=None, max_examples=50)  # a busy machine misses any deadline
settings.load_profile("day")

TESTS: Final = Path(__file__).parent

PURE: Final = {"dependencies", "graph", "settings", "test_log_grouping.py", "test_structure.py", "trust"}
"""Folders and files whose tests start no process, and take seconds together."""

SLOW: Final = {"benchmarks", "deploy", "faults", "fuzz", "generated", "golden", "pages", "whole"}
"""Folders whose tests take minutes together: they install, boot, break and browse."""

OWN_RECEIVER: Final = {"issuer", "tmp_path"}
"""Fixtures of a test that starts a receiver of its own, in a folder of its own: that makes it slow, by seconds."""

STARTING_PROCESSES: Final = {"store_server", "own_store", "every_store_server"}
"""Fixtures that keep a test out of the tier `pure`."""

FAST_RUNS: Final = {"pure", "not slow"}
"""Values of `-m` that leave the slow tests out."""

MOST_WORKERS: Final = 8
"""How many workers `pytest` starts at most: each starts stores and receivers of its own."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many workers run the tests: three a core, since two thirds of a test's time are waiting.

    Half as many where slow tests run, which load the machine themselves.

    One or two files that are named run in this process: they begin sooner so.
    """
    files = {argument.partition("::")[0] for argument in config.args}
    if len(files) <= 2 and all(file.endswith(".py") for file in files):
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = 3 * cores if config.option.markexpr in FAST_RUNS else cores + cores // 2
    return min(workers, MOST_WORKERS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its tier, by the folder that it stands in and by the fixtures that it uses."""
    for item in items:
        room = item.path.relative_to(TESTS).parts[0]
        fixtures = set(getattr(item, "fixturenames", ()))
        if room in SLOW or fixtures >= OWN_RECEIVER:
            item.add_marker(pytest.mark.slow)
        elif room in PURE and not fixtures & STARTING_PROCESSES:
            item.add_marker(pytest.mark.pure)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        make_shared_folder()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        remove_shared_folder()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Run a test marked `serial` while no other worker runs one. The wait is not part of its time limit."""
    with alone_or_together(alone=item.get_closest_marker("serial") is not None):
        return (yield)


@pytest.fixture(scope="session")
def store_server() -> Iterator[stores.StoreServer]:
    with stores.start() as server:
        yield server


@pytest.fixture
def store(store_server: stores.StoreServer) -> stores.StoreServer:
    """An empty store."""
    store_server.client.flushall()
    return store_server


@pytest.fixture
def own_store() -> Iterator[stores.StoreServer]:
    """An empty store that nothing else uses, and that forgets nothing when it is killed."""
    with stores.start(options=stores.DURABLE) as server:
        yield server


@pytest.fixture(scope="session", params=sorted(stores.KINDS))
def every_store_server(request: pytest.FixtureRequest) -> Iterator[stores.StoreServer]:
    try:
        server = stores.start(request.param)
    except stores.NoSuchServerError as error:
        pytest.skip(str(error))
    with server:
        yield server


@pytest.fixture
def every_store(every_store_server: stores.StoreServer) -> stores.StoreServer:
    """An empty store, of each kind in turn."""
    every_store_server.client.flushall()
    return every_store_server


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    with Issuer(key_file=None) as running:
        yield running
