"""Conditional writes: the script that writes compares the version, so no other write comes between."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from receiver.store.record_versions import VersionChangedError, call_version, context_version
from tests.support.shelf import Shelf
from tests.support.spooling import Process
from tests.support.stores import StoreServer
from tests.support.updates import CALL, bare, call, operation


def test_context_version_differs_after_each_change(shelf: Shelf) -> None:
    versions = [context_version(shelf.reader.latest("invite-1"))]
    for items in (
        operation("running"),
        operation("completed"),
        operation(op="another", x=1),
        replace(operation("running", cc="", call="", op="older"), type="other"),
        replace(
            operation("running", call="", op="older"), type="other"
        ),  # an older record gets the client context
    ):
        shelf.keep(items)
        versions.append(context_version(shelf.reader.latest("invite-1")))
    assert len(set(versions)) == 5, "all but the record without this client context"
    shelf.keep(operation(op="another", x=1))
    assert context_version(shelf.reader.latest("invite-1")) == versions[-1], "a duplicate"


def test_delete_with_old_version_changes_nothing(shelf: Shelf, store: StoreServer) -> None:
    version = context_version(shelf.reader.latest("invite-1"))
    shelf.keep(operation("running"))
    before = store.contents()
    with pytest.raises(VersionChangedError):
        shelf.eraser.delete_operations("invite-1", within=2, version=version)
    assert store.contents() == before
    version = context_version(shelf.latest())
    assert shelf.eraser.delete_operations("invite-1", within=2, version=version)
    assert shelf.reader.latest("invite-1") is None


def test_delete_with_version_needs_several_script_calls(shelf: Shelf) -> None:
    shelf.keep(*(operation(op=f"op-{number}", x=number) for number in range(250)))
    version = context_version(shelf.latest())
    assert shelf.eraser.delete_operations("invite-1", within=2, version=version)
    assert shelf.reader.latest("invite-1") is None


def test_delete_of_call_with_old_version_changes_nothing(shelf: Shelf, store: StoreServer) -> None:
    old = call_version(*shelf.reader.call(CALL))
    for items in (operation("running"), call(), operation("running", op="another"), operation("completed")):
        shelf.keep(items)
        before = store.contents()
        with pytest.raises(VersionChangedError):
            shelf.eraser.delete_call(CALL, within=2, version=old)
        assert store.contents() == before
        old = call_version(*shelf.reader.call(CALL))
    assert shelf.eraser.delete_call(CALL, within=2, version=old)
    assert shelf.reader.call(CALL) == (None, ())


def test_registration_with_old_version_changes_nothing(shelf: Shelf, store: StoreServer) -> None:
    nothing = context_version(None)
    registered = shelf.writer.register(bare(), notification_id="1", within=2, deadline=5, version=nothing)
    assert registered == "new"
    before = store.contents()
    with pytest.raises(VersionChangedError):
        shelf.writer.register(bare(), notification_id="2", within=2, deadline=9, version=nothing)
    assert store.contents() == before
    version = context_version(shelf.latest())
    again = shelf.writer.register(bare(), notification_id="3", within=2, deadline=9, version=version)
    assert (again, shelf.latest().revision) == ("duplicate", 2)


def test_versions_are_compared_by_every_kind_of_store(
    every_store: StoreServer, shelf_of: Callable[[StoreServer], Shelf]
) -> None:
    shelf = shelf_of(every_store)
    assert shelf.writer.register(bare(), notification_id="1", within=2, version="none") == "new"
    with pytest.raises(VersionChangedError):
        shelf.writer.register(bare(), notification_id="2", within=2, version="none")
    with pytest.raises(VersionChangedError):
        shelf.eraser.delete_operations("invite-1", within=2, version="none")
    version = context_version(shelf.latest())
    assert shelf.eraser.delete_operations("invite-1", within=2, version=version)


def test_delete_with_old_version_keeps_spooled_entries(process: Process) -> None:
    process.keep(operation("running"))
    process.spool.put([operation()], notification_id="1", within=2)
    with pytest.raises(VersionChangedError):
        process.eraser.delete_operations("invite-1", within=2, version="none")
    assert process.spool.status().waiting == 1
