"""Names of secrets: recognise a secret by the name of its JSON member or query parameter.

Graph's types are open, so a name counts by its ending, in any spelling: `fooToken`, `foo_token`, `X-Foo-Token`. A
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
        # Graph's own: links and contexts that take over a call, and what authenticates a subscription.
        "replacementlink",
        "replacescontext",
        "clientstate",
        "encryptedcontent",
    )
    for plural in ("", "s")
)
_LAST_WORDS: Final = frozenset({"pin", "pass", "sig", "jwt"})
"""Names of secrets as whole words only: `meetingPin` is secret, `spin` is not."""

_PARAMETERS: Final = frozenset({"p", "code", "key", "sas", "auth", "ticket", "tempauth", "codeverifier"})
"""Names of secrets in the query of an address that mean something else in JSON (`code` of a result)."""

_WHOLE_LINES: Final = ("authorization", "cookie")

_WORD: Final = re.compile(r"[A-Z]*[a-z]+|[A-Z]+|[0-9]+")
_OTHER: Final = re.compile(r"[\W_]+")
_LONGEST: Final = 200
"""Characters at the end of a name that are examined; it bounds the time for a hostile name."""


@lru_cache(maxsize=2048)
def is_secret(member: str) -> bool:
    """Return whether a member of this name has a secret value."""
    name = member[-_LONGEST:]
    if _flat(name).endswith(_ENDINGS):
        return True
    words = _WORD.findall(name)
    return bool(words) and words[-1].lower() in _LAST_WORDS


@lru_cache(maxsize=2048)
def is_secret_parameter(name: str) -> bool:
    """Return whether a query parameter of this name, possibly percent-encoded, has a secret value."""
    plain = unquote(name[-_LONGEST:])
    return is_secret(plain) or _flat(plain) in _PARAMETERS


def is_header_line(name: str) -> bool:
    """Return whether the secret is the rest of the line, as in `Authorization: Basic abc`."""
    return _flat(name[-_LONGEST:]).endswith(_WHOLE_LINES)


def _flat(name: str) -> str:
    return _OTHER.sub("", name).casefold()
