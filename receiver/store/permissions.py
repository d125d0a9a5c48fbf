"""Check which of the commands that the receiver uses its Redis user may not run.

Each command is run once, on keys that are made for this: not every server has ACL DRYRUN, and not every user may run
it. A command inside a script needs the same permission as one outside.
"""

import secrets
from typing import Final

from receiver.errors import NotPermittedError
from receiver.store.keys import trial_key
from receiver.store.transport.store_client import Command, StoreClient, pack, require_replies

_SCRIPT: Final = "return 1"
_SCRIPT_SHA1: Final = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"
_SECONDS: Final = 60
"""How long the keys live if DEL is not permitted."""


def trial_commands(name: str) -> list[Command]:
    """Return one harmless use of each command, on keys that begin with `name`."""
    text, table, row, ranked, stream = (
        f"{name}:{kind}" for kind in ("text", "table", "row", "ranked", "stream")
    )
    return [
        ("SET", text, 1, "EX", _SECONDS),
        ("GET", text),
        ("MGET", text),
        ("INCR", text),
        ("EXISTS", text),
        ("COPY", text, f"{name}:copy"),
        ("HSET", table, "a", 1),
        ("HSETNX", table, "a", 1),
        ("HGET", table, "a"),
        ("HGETALL", table),
        ("HVALS", table),
        ("HLEN", table),
        ("EXPIRE", table, _SECONDS),
        ("HDEL", table, "a"),
        ("RPUSH", row, "a"),
        ("EXPIRE", row, _SECONDS),
        ("LRANGE", row, 0, -1),
        ("LTRIM", row, -1, -1),
        ("ZADD", ranked, 1, "a"),
        ("EXPIRE", ranked, _SECONDS),
        ("ZCARD", ranked),
        ("ZRANGE", ranked, 0, -1),
        ("ZREVRANGE", ranked, 0, -1),
        ("ZRANGEBYSCORE", ranked, 0, 1),
        ("ZREVRANGEBYSCORE", ranked, 1, 0),
        ("ZREM", ranked, "a"),
        ("XADD", stream, "1-0", "a", 1),
        ("EXPIRE", stream, _SECONDS),
        ("XINFO", "STREAM", stream),
        ("XRANGE", stream, "-", "+"),
        ("XREVRANGE", stream, "+", "-"),
        ("XREAD", "COUNT", 1, "STREAMS", stream, "0"),
        ("XTRIM", stream, "MAXLEN", 1),
        ("XDEL", stream, "1-0"),
        ("TIME",),
        ("SCRIPT", "LOAD", _SCRIPT),
        ("EVALSHA", _SCRIPT_SHA1, 0),
        ("DEL", text, f"{name}:copy", table, row, ranked, stream),
    ]


def forbidden_commands(store_client: StoreClient, *, waits: bool, within: float) -> list[str]:
    """Return the names of the commands that the user may not run, in the order in which they are tried.

    Args:
        store_client: sends the commands.
        waits: the receiver uses WAIT, too.
        within: seconds.

    Raises:
        StoreUnavailableError: the store does not answer in time, or refuses for another reason.
    """
    commands = [*trial_commands(trial_key(secrets.token_hex(8))), *([("WAIT", 0, 1)] if waits else [])]
    replies = store_client.call_each([pack(command) for command in commands], within=within)
    found = {
        str(command[0]): None
        for command, reply in zip(commands, replies, strict=True)
        if isinstance(reply, NotPermittedError)
    }
    if not found:
        require_replies(replies)
    return list(found)
