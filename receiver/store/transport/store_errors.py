"""Classify the store's errors: it works and rejects one item, or it takes nothing now.

An item that the store rejects though it works becomes a dead letter after a few attempts. So only an error that one of
our scripts met in the data counts as the item's; an error about the state of the server does not, even inside a
script. The versions differ: Redis 6.2 wraps every error that occurs in a script, with its code, into another text;
later versions leave it as it is and append the place. Both name the place `@user_script`, which no error from outside
a script has, though BUSY mentions scripts.
"""

import logging
import re
from typing import Final

from redis.exceptions import NoPermissionError, OutOfMemoryError, RedisError, ResponseError

from receiver.errors import NotPermittedError, StoreUnavailableError, WriteRefusedError

_CODE: Final = re.compile(
    r"\b(?:OOM|MISCONF|NOREPLICAS|NOPERM|NOAUTH|WRONGPASS|READONLY|BUSY|LOADING|MASTERDOWN|CLUSTERDOWN)\b"
)
_IN_SCRIPT: Final = "@user_script"
_NOT_ABOUT_THE_ITEM: Final = re.compile(
    r"ACL failure|The user executing the script"
    r"|Script killed by user"
    r"|non local key|do not hash to the same slot"
    r"|Unknown \w+ command|command is not allowed"
)
"""Errors without a code that a script meets whatever its arguments are."""

_WITHHELD: Final = re.compile(
    r"\bNOPERM\b|ACL failure|The user executing the script"
    r"|[Uu]n(?:known|supported)(?: \w+)? command|command is not allowed"
)
"""The user may not run a command, or the server, or a proxy before it, does not offer it."""

_log: Final = logging.getLogger(__name__)


def classify_error(error: RedisError) -> StoreUnavailableError:
    """Log an error reply, and return the receiver's own error for it.

    That is a WriteRefusedError if the error concerns one item only, and a NotPermittedError if it concerns the command.
    """
    _log.error("the store refuses: %s: %.200s", type(error).__name__, error)
    reason = _reason(error)
    concerns_item = (
        reason == ResponseError.__name__
        and _IN_SCRIPT in str(error)
        and not _NOT_ABOUT_THE_ITEM.search(str(error))
    )
    kind = WriteRefusedError if concerns_item else StoreUnavailableError
    if isinstance(error, NoPermissionError) or _WITHHELD.search(str(error)):
        kind = NotPermittedError
    return kind(f"The store refuses ({reason}).", retry_after=10)


def _reason(error: RedisError) -> str:
    """Return the code of an error, wherever the version of Redis puts it, or redis-py's name for it."""
    if isinstance(error, OutOfMemoryError):
        return "OOM"
    code = _CODE.search(str(error))
    return code[0] if code else type(error).__name__
