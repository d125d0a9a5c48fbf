"""Versions of records, for conditional writes: the script that writes compares them (`newest_record.lua`).

A write with a version succeeds only if the records have that version. Else it changes nothing and raises
`VersionChangedError`.
"""

from collections.abc import Iterable

from receiver.store.records import CallRecord, OperationRecord


class VersionChangedError(Exception):
    """The stored version differs from the one that the write was given; nothing has changed."""


def operation_version(record: OperationRecord) -> str:
    """Return the version of one operation: number and revision, since two operations may have the same revision."""
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
        call: the call record; None if no update of the call itself has arrived.
        operations: the call's operations, newest first.
    """
    own = "none" if call is None else f"call.{call.revision}"
    return f"{own}+{','.join(map(operation_version, operations))}"
