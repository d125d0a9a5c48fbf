"""Deleted records do not come back from the spool."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from receiver.errors import StoreUnavailableError
from receiver.graph.updates import ParticipantNotification, RosterDelta, RosterUpdate, Unreadable
from receiver.store.writer import Item
from tests.support.spooling import Process
from tests.support.stores import StoreServer
from tests.support.updates import CALL, call, change, operation


def test_deleted_operation_does_not_come_back_from_the_spool(
    process: Process, own_store: StoreServer
) -> None:
    process.keep(operation(cc="gone", op="1"))
    own_store.kill()
    broken = Unreadable("odd", '{"resourceData":[{"clientContext":"gone"}]}', "callback")
    process.keep(operation(cc="gone", op="2"), operation(cc="stays", op="3"), broken, notification_id="2")
    with pytest.raises(StoreUnavailableError):
        process.eraser.delete_operations("gone", within=2)
    own_store.start()
    assert process.eraser.delete_operations("gone", within=2)
    process.drainer.start()
    process.drained()
    assert process.reader.latest("gone") is None
    assert process.reader.latest("stays")
    assert process.reader.entries("quarantine", limit=9)[0] == ()
    assert b"gone" not in b"".join(path.read_bytes() for path in process.file.folder.iterdir())


def test_deleted_call_does_not_come_back_from_the_spool(process: Process) -> None:
    item = f'{{"resourceUrl":"/communications/calls/{CALL.upper()}"}}'
    items: list[Item] = [
        operation(cc="of the call"),
        call(),
        RosterUpdate(CALL, "", "[]"),
        RosterDelta(CALL, "", 1, "[]"),
        ParticipantNotification(CALL, "", "{}"),
        Unreadable("", item, "callback"),
        replace(change(), text=item),
    ]
    others: list[Item] = [
        operation(cc="of another", call="another", op="1"),
        change(),
        Unreadable("", "{}", "callback"),
    ]
    process.spool.put([*items, *others], notification_id="1", within=2)
    for number, alone in enumerate(items, 2):
        process.spool.put([alone], notification_id=str(number), within=2)
    assert process.eraser.delete_call(CALL, within=2)
    assert process.spool.status().waiting == 1
    assert not process.eraser.delete_call(CALL, within=2)
    process.drainer.start()
    process.drained()
    assert process.reader.call(CALL) == (None, ())
    assert process.reader.latest("of another")
    assert len(process.reader.entries("quarantine", limit=9)[0]) == 1
    assert len(process.reader.entries("changes", limit=9)[0]) == 1


def test_deletion_waits_for_a_drainer_of_another_process(
    process: Process, process_of: Callable[..., Process], own_store: StoreServer
) -> None:
    with process_of(own_store).spool.lock(1) as held:
        assert held
        with pytest.raises(StoreUnavailableError, match="being drained"):
            process.eraser.delete_operations("a", within=0.2)
