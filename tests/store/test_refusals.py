"""Errors of real servers: whether one item is at fault, or the store takes nothing."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import redis

from receiver.errors import NotPermittedError, StoreUnavailableError, WriteRefusedError
from receiver.store.transport.store_errors import classify_error
from tests.support.shelf import Shelf
from tests.support.stores import StoreServer, busy
from tests.support.updates import operation


@contextmanager
def set_to(server: StoreServer, setting: str, value: str, afterwards: str) -> Iterator[None]:
    server.client.config_set(setting, value)
    try:
        yield
    finally:
        server.client.config_set(setting, afterwards)


@contextmanager
def replica_without_primary(server: StoreServer, *, answers: str) -> Iterator[None]:
    with set_to(server, "replica-serve-stale-data", answers, "yes"):
        server.client.execute_command("REPLICAOF", "127.0.0.1", "1")
        try:
            yield
        finally:
            server.client.execute_command("REPLICAOF", "NO", "ONE")


@contextmanager
def little_allowed(server: StoreServer) -> Iterator[None]:
    """Allow SET, so that a probe passes, and scripts, but not the commands in them."""
    server.client.acl_setuser("default", enabled=True, categories=["-@write"], commands=["+set"])
    try:
        yield
    finally:
        server.client.acl_setuser("default", enabled=True, categories=["+@all"])


STATES: dict[str, Callable[[StoreServer], AbstractContextManager[None]]] = {
    "busy": busy,
    "full": lambda server: set_to(server, "maxmemory", "1", "0"),
    "without its replicas": lambda server: set_to(server, "min-replicas-to-write", "1", "0"),
    "read-only": lambda server: replica_without_primary(server, answers="yes"),
    "a replica that has lost its primary": lambda server: replica_without_primary(server, answers="no"),
    "not ours to write": little_allowed,
}


@pytest.mark.parametrize("state", STATES)
def test_server_state_error_is_never_about_the_item(
    every_store: StoreServer, shelf_of: Callable[[StoreServer], Shelf], state: str
) -> None:
    shelf = shelf_of(every_store)
    shelf.keep(operation())  # which loads the script
    shelf.within = 2
    old = every_store.client.info("server")["redis_version"].startswith("6.")
    if old and state == "without its replicas":
        pytest.skip("Redis 6 lets scripts write then")
    with STATES[state](every_store), pytest.raises(StoreUnavailableError) as caught:
        shelf.keep(operation(cc="another"))
    assert caught.type is (NotPermittedError if state == "not ours to write" else StoreUnavailableError)


def test_script_error_in_the_data_is_about_the_item(
    every_store: StoreServer, shelf_of: Callable[[StoreServer], Shelf]
) -> None:
    shelf = shelf_of(every_store)
    every_store.client.set("receiver:{0}:ops:broken", "no hash")
    with pytest.raises(WriteRefusedError):
        shelf.keep(operation(call="broken"))


def test_script_bug_is_classified_as_about_the_item(
    every_store: StoreServer, shelf_of: Callable[[StoreServer], Shelf]
) -> None:
    with pytest.raises(WriteRefusedError):
        shelf_of(every_store).store_client.call([("EVAL", "local nothing; return nothing.more", 0)], within=2)


def test_killed_script_is_not_about_the_item(
    every_store: StoreServer, shelf_of: Callable[[StoreServer], Shelf]
) -> None:
    every_store.client.config_set("lua-time-limit", 10)
    store_client = shelf_of(every_store).store_client

    def end() -> None:
        while True:
            time.sleep(0.05)
            try:
                every_store.client.script_kill()
            except redis.exceptions.ResponseError:  # it does not run yet
                continue
            return

    ending = threading.Thread(target=end)
    ending.start()
    with pytest.raises(StoreUnavailableError) as caught:
        store_client.call([("EVAL", "while true do end", 0)], within=5)
    ending.join()
    assert caught.type is StoreUnavailableError


@pytest.mark.parametrize(
    "text",
    [
        # As Redis 6.2, Redis 7.0 and Valkey 9 word them.
        "Error running script (call to f_0): @user_script:1: @user_script: 1: Lua script attempted to access a "
        "non local key in a cluster node",
        "Attempted to access a non local key in a cluster node script: on @user_script:1.",
        "Error running script (call to f_0): @user_script:321: @user_script: 321: -MISCONF Redis is configured to "
        "save RDB snapshots, but it is currently not able to persist on disk.",
        "MISCONF Errors writing to the AOF file: No space left on device script: on @user_script:1.",
        "Unknown Redis command called from script script: 0, on @user_script:1.",
        "Error compiling script (new function): user_script:1: unexpected symbol near '<eof>'",
    ],
)
def test_error_independent_of_arguments_is_not_about_the_item(text: str) -> None:
    assert not isinstance(classify_error(redis.exceptions.ResponseError(text)), WriteRefusedError)
