"""Versions of what is stored, which a conditional write compares in the script that writes (`present.lua`).

A write that is given a version either finds it, or changes nothing and raises `VersionChangedError`.
"""

from collections.abc import Iterable

from receiver.store.records import CallRecord, OperationRecord


class VersionChangedError(Exception):
    """The stored version is another than the one that a write was given; nothing has changed."""


def operation_version(record: OperationRecord) -> str:
    """Return the version of one operation. With its number, since another may have the same revision."""
    return f"{record.number}.{record.revision}"


def context_version(newest: OperationRecord | None) -> str:
    """Return the version of all operations of a client context together.

    Args:
        newest: as `Reader.latest` returns it.
    """
    return "none" if newest is None else f"{operation_version(newest)}+{newest.others}"


def call_version(call: CallRecord | None, operations: Iterable[OperationRecord]) -> str:
    """Return the version of a call and its operations together.

    Args:
        call: the call, if an update of the call itself has come.
        operations: its operations, newest first.
    """
    own = "none" if call is None else f"call.{call.revision}"
    return f"{own}+{','.join(map(operation_version, operations))}"
