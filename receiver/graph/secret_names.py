"""Names of secrets: tell from the name of a JSON member or of a query parameter whether its value is one.

Graph's types are open, so a name counts by how it ends, in any spelling: `fooToken`, `foo_token`, `X-Foo-Token`. A
harmless value under such a name (`sequenceToken`) is hidden too: a key with the scope `secrets` gets it.
"""

import re
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

_ENDINGS: Final = tuple(
    ending + plural
    for ending in (
        "token",
        "secret",
        "password",
        "passwd",
        "passcode",
        "passphrase",
        "pwd",
        "credential",
        "apikey",
        "accesskey",
        "accountkey",
        "authkey",
        "encryptionkey",
        "functionkey",
        "functionskey",
        "masterkey",
        "privatekey",
        "saskey",
        "secretkey",
        "sessionkey",
        "sharedkey",
        "signingkey",
        "storagekey",
        "subscriptionkey",
        "authcode",
        "authorizationcode",
        "authorization",
        "cookie",
        "signature",
        # Graph's own: links and contexts by which a call is taken over, and what a subscription is authenticated by.
        "replacementlink",
        "replacescontext",
        "clientstate",
        "encryptedcontent",
    )
    for plural in ("", "s")
)
_LAST_WORDS: Final = frozenset({"pin", "pass", "sig", "jwt"})
"""Secrets as whole words only: `meetingPin` is one, `spin` is not."""

_PARAMETERS: Final = frozenset({"p", "code", "key", "sas", "auth", "ticket", "tempauth", "codeverifier"})
"""Names that mean a secret in the query of an address, and something else in JSON (`code` of a result)."""

_WHOLE_LINES: Final = ("authorization", "cookie")

_WORD: Final = re.compile(r"[A-Z]*[a-z]+|[A-Z]+|[0-9]+")
_OTHER: Final = re.compile(r"[\W_]+")
_LONGEST: Final = 200
"""Characters at the end of a name that are looked at; it bounds the time that a hostile name takes."""


@lru_cache(maxsize=2048)
def is_secret(member: str) -> bool:
    """Tell whether a member of this name holds a secret."""
    name = member[-_LONGEST:]
    if _flat(name).endswith(_ENDINGS):
        return True
    words = _WORD.findall(name)
    return bool(words) and words[-1].lower() in _LAST_WORDS


@lru_cache(maxsize=2048)
def is_secret_parameter(name: str) -> bool:
    """Tell whether the parameter of an address has a secret as its value; its name may be percent-encoded."""
    plain = unquote(name[-_LONGEST:])
    return is_secret(plain) or _flat(plain) in _PARAMETERS


def is_header_line(name: str) -> bool:
    """Tell whether the secret is all that follows on the line, as in `Authorization: Basic abc`."""
    return _flat(name[-_LONGEST:]).endswith(_WHOLE_LINES)


def _flat(name: str) -> str:
    return _OTHER.sub("", name).casefold()
