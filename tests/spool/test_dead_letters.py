"""Dead letters: which entries become one and which do not, with a real store that rejects them."""

import time

from receiver.spool.spool_file import SpoolFile
from tests.support.spooling import DISK, Process
from tests.support.stores import StoreServer, busy
from tests.support.updates import operation
from tests.support.waiting import until


def test_rejected_entry_does_not_delay_others(process: Process, own_store: StoreServer) -> None:
    own_store.kill()
    process.keep(operation(cc="poison", call="broken"), notification_id="1")
    process.keep(operation(cc="good"), notification_id="2")
    own_store.start()
    own_store.client.set("receiver:{0}:ops:broken", "no hash")
    process.drainer.start()
    until(lambda: process.reader.latest("good"))
    until(lambda: process.spool.status().dead == 1)
    assert not process.outage.is_active
    assert process.spool.status().waiting == 0


def test_retried_dead_letters_are_replayed(process: Process, own_store: StoreServer) -> None:
    own_store.client.set("receiver:{0}:ops:broken", "no hash")
    for number in range(3):
        process.spool.put(
            [operation(cc="poison", call="broken", op=str(number))], notification_id=str(number), within=2
        )
    process.drainer.start()
    until(lambda: process.spool.status().dead == 3)
    assert process.file.retry_dead_letters() == 3
    until(lambda: process.spool.status().dead == 3)  # since the store does not take them yet
    own_store.client.delete("receiver:{0}:ops:broken")
    assert process.file.retry_dead_letters() == 3
    process.drained()
    assert process.spool.status().dead == 0
    _, records = process.reader.call("broken")
    assert [record.notifications for record in records] == [1] * 3


def test_unreadable_entry_does_not_delay_others(process: Process) -> None:
    process.file.append([("1", b"garbage")])
    process.file.append([("2", b'[["operation", {"of": "tomorrow"}]]')])
    process.spool.put([operation(cc="good")], notification_id="3", within=1)
    process.drainer.start()
    process.drained()
    assert process.reader.latest("good")
    assert process.spool.status().dead == 2


def test_dead_letters_expire_after_the_retention(process: Process) -> None:
    long_ago = SpoolFile(process.folder, DISK, clock=lambda: time.time() - 31 * 86400)
    long_ago.append([("1", b"garbage")])
    long_ago.dead_letter(long_ago.read(0)[0], "for a reason")
    long_ago.close()
    process.file.append([("2", b"garbage")])
    process.file.dead_letter(process.file.read(0)[0], "for a reason")
    assert process.spool.status().dead == 2
    process.drainer.start()
    until(lambda: process.spool.status().dead == 1)


def test_full_store_makes_no_dead_letters(process: Process, own_store: StoreServer) -> None:
    process.drainer.start()
    own_store.client.config_set("maxmemory", 1)
    assert process.keep(operation(cc="a"), notification_id="1") == ["spooled"]
    time.sleep(2)  # for more attempts than an entry has
    assert process.spool.status().waiting == 1
    own_store.client.config_set("maxmemory", 0)
    process.drained()
    assert process.reader.latest("a")
    assert process.spool.status().dead == 0


def test_store_busy_with_a_script_makes_no_dead_letters(process: Process, own_store: StoreServer) -> None:
    process.keep(operation(cc="before", op="before"))  # which loads the script
    process.drainer.start()
    with busy(own_store):
        for number in range(3):
            assert process.keep(
                operation(cc=f"cc-{number}", op=str(number)), notification_id=str(number)
            ) == ["spooled"]
        time.sleep(4)  # for more attempts than an entry has
        status = process.spool.status()
        assert (status.waiting, status.dead) == (3, 0)
    process.drained()
    assert process.spool.status().dead == 0
    assert all(process.reader.latest(f"cc-{number}") for number in range(3))


def test_store_that_refuses_everything_makes_no_dead_letters(
    process: Process, own_store: StoreServer
) -> None:
    """With an error that would be about the item if the store took anything else."""
    own_store.client.set("receiver:{0}:ops:broken", "no hash")
    process.spool.put([operation(cc="poison", call="broken")], notification_id="1", within=2)
    own_store.client.acl_setuser("default", enabled=True, commands=["-set"])
    process.drainer.start()
    until(lambda: process.outage.is_active)
    time.sleep(4)  # for more attempts than an entry has
    status = process.spool.status()
    assert (status.waiting, status.dead) == (1, 0)
    own_store.client.acl_setuser("default", enabled=True, commands=["+set"])
    until(lambda: process.spool.status().dead == 1)
