"""What an error of the store's means: that it works and can't merge one item, or that it takes nothing now.

An item that the store works without is put aside after a few tries, so only what a script of ours met in the data
counts as the item's own; what the server says of its own state does not, wherever it is met. The versions differ:
Redis 6.2 puts every error that is met in a script into a text of its own, code and all; later ones leave it as it is
and append the place. Both name the place `@user_script`, and no error from outside a script does, though BUSY speaks
of scripts.
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
_NOT_OF_THE_ITEM: Final = re.compile(
    r"ACL failure|The user executing the script"
    r"|Script killed by user"
    r"|non local key|do not hash to the same slot"
    r"|Unknown \w+ command|command is not allowed"
)
"""What scripts meet, without a code, whatever they have been given."""

_WITHHELD: Final = re.compile(
    r"\bNOPERM\b|ACL failure|The user executing the script"
    r"|[Uu]n(?:known|supported)(?: \w+)? command|command is not allowed"
)
"""A command that this user may not run, or that this server, or a proxy before it, does not offer."""

_log: Final = logging.getLogger(__name__)


def refusal(error: RedisError) -> StoreUnavailableError:
    """Return the receiver's own error for one of the store's.

    That is a WriteRefusedError if it is about the item alone, a NotPermittedError if it is about the command.
    """
    _log.error("the store refuses: %s: %.200s", type(error).__name__, error)
    reason = _reason(error)
    is_of_the_item = (
        reason == ResponseError.__name__
        and _IN_SCRIPT in str(error)
        and not _NOT_OF_THE_ITEM.search(str(error))
    )
    kind = WriteRefusedError if is_of_the_item else StoreUnavailableError
    if isinstance(error, NoPermissionError) or _WITHHELD.search(str(error)):
        kind = NotPermittedError
    return kind(f"The store refuses ({reason}).", retry_after=10)


def _reason(error: RedisError) -> str:
    """Return the code that Redis gives an error, wherever its version puts it, or redis-py's name for it."""
    if isinstance(error, OutOfMemoryError):
        return "OOM"
    code = _CODE.search(str(error))
    return code[0] if code else type(error).__name__
