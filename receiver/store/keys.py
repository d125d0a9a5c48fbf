"""Keys in Redis: their names, types, contents and lives, and the functions that make them. No other file makes a key.

The hash tag `{0}` names the partition. There is one. All keys of a partition are in one slot of a Redis Cluster, so
that one script may use them all. A script gets the prefix as its first argument, and adds the rest by this table.

| key | type | content | life |
|---|---|---|---|
| `next` | string | the number that the newest operation record got | for ever |
| `oldest` | string | the number below which every record is gone | for ever |
| `op:<number>` | string | an operation record, as JSON (`merge.lua` defines its members) | retention |
| `cc:<client context>` | sorted set | numbers of the records under it, scored by themselves | retention |
| `call:<call id>` | string | a call record, as JSON | retention |
| `roster:<call id>` | hash | participant to its latest state (`roster.lua` defines its form) | retention |
| `participants:<call id>` | list | the newest 100 notifications of participants that join or have left | retention |
| `unreadable:<call id>` | any | the value of `call:<call id>` that could not be read when an update arrived | its own |
| `ops:<call id>` | hash | operation id to the numbers of its records | retention |
| `oid:<operation id>` | string | the newest 16 numbers of records without a call id or a client context | retention |
| `open:<client context>` | string | the newest 16 numbers of records without an operation id | retention |
| `due` | sorted set | numbers of records without a result, scored by when it is due, ms | for ever |
| `overdue` | sorted set | numbers of records whose result was due and has not come, scored by themselves | for ever |
| `probe` | string | nothing; `/readyz` writes it to find out whether the store takes writes | a minute |
| `check:<random>:<kind>` | each | values on which `receiver check` tries each command | a minute, at most |
| `feed` | stream | `k` kind (`o` `c` `n` `s`), `r` number or id, `v` revision, `t` tone | newest 10,000, retention |
| `changes` | stream | items of subscriptions | newest 10,000, retention |
| `quarantine` | stream | items that could not be read | newest 1,000, retention |
| `sent:<notification id>` | string | nothing; this notification is in `changes` or `quarantine` | ten minutes |
| `session:<SHA-256 of its id>` | string | SHA-256 of the API key that was used to sign in | 12 hours |
| `tries:<minute>:<SHA-256 of a network or browser, or all>` | string | number of attempts to sign in | two minutes |
| `browser:<SHA-256 of its id>` | string | nothing; this browser has signed in before | 90 days |

Kinds of the feed: `o` operation, `c` call, `n` change notification, `s` end of a session.
Retention counts from the last update; for the entries of a stream from their arrival: each new record deletes older
ones. Readers skip a number whose record has expired or was deleted; it is removed with its key at the latest. A number
leaves `due` with the result, or when it is due; it leaves `overdue` with the result, or when `mark_overdue.lua` finds
that its record has expired.
"""

from typing import Final, Literal

PREFIX: Final = "receiver:{0}:"
"""What every key begins with. Only this file, and `scripts.py` for the scripts, may use it."""

StreamName = Literal["feed", "changes", "quarantine"]


def next_number_key() -> str:
    """Return the key of the counter of operation records."""
    return f"{PREFIX}next"


def oldest_number_key() -> str:
    """Return the key of the number below which every operation record is gone."""
    return f"{PREFIX}oldest"


def operation_key(number: int | str) -> str:
    """Return the key of an operation record."""
    return f"{PREFIX}op:{number}"


def context_key(client_context: str) -> str:
    """Return the key of the sorted set of a client context's records."""
    return f"{PREFIX}cc:{client_context}"


def call_key(call_id: str) -> str:
    """Return the key of a call record."""
    return f"{PREFIX}call:{call_id}"


def call_operations_key(call_id: str) -> str:
    """Return the key of the hash of a call's operations."""
    return f"{PREFIX}ops:{call_id}"


def due_key() -> str:
    """Return the key of the sorted set of records without a result, by when it is due."""
    return f"{PREFIX}due"


def overdue_key() -> str:
    """Return the key of the sorted set of overdue records."""
    return f"{PREFIX}overdue"


def stream_key(name: StreamName) -> str:
    """Return the key of a stream."""
    return f"{PREFIX}{name}"


def probe_key() -> str:
    """Return the key that is written to find out whether the store takes writes."""
    return f"{PREFIX}probe"


def trial_key(name: str) -> str:
    """Return what the keys begin with on which `receiver check` tries commands."""
    return f"{PREFIX}check:{name}"


def session_key(session_hash: str) -> str:
    """Return the key of a session of the page, by the SHA-256 of its id."""
    return f"{PREFIX}session:{session_hash}"


def sign_in_attempts_key(minute: int, source: str) -> str:
    """Return the key of the number of attempts to sign in within a minute, from one source or from `all`."""
    return f"{PREFIX}tries:{minute}:{source}"


def browser_key(browser_hash: str) -> str:
    """Return the key of a browser that has signed in before, by the SHA-256 of its id."""
    return f"{PREFIX}browser:{browser_hash}"
