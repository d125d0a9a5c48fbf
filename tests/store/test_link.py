"""The link to the store, where a name leads to another server than before."""

from contextlib import closing
from pathlib import Path

from receiver.store.connections import connect
from receiver.store.link import Link
from tests import stores


def test_a_server_that_has_become_read_only_is_left_for_the_one_that_its_name_leads_to(
    tmp_path: Path,
) -> None:
    name = tmp_path / "name"
    with (
        stores.start() as old,
        stores.start() as new,
        closing(Link(connect(f"unix://{name}", "required"))) as link,
    ):
        name.symlink_to(old.socket)
        link.call([("SET", "key", "before")], within=2)
        old.client.replicaof("127.0.0.1", "1")
        name.unlink()
        name.symlink_to(new.socket)
        link.call([("SET", "key", "after")], within=2)
        assert (old.client.get("key"), new.client.get("key")) == (b"before", b"after")
