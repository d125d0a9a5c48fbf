"""Secrets within texts: JSON Web Tokens, `Bearer …`, secret parameters of addresses, `passcode: …`.

Every expression is linear: none can restart within text that it has already read, so a megabyte takes a megabyte's
time, whatever it contains. No group repeats possessively: Python 3.11.2 keeps what a repetition that failed had read.
"""

import re
from string import ascii_lowercase, ascii_uppercase
from typing import Final

from receiver.graph.secret_names import is_header_line, is_secret, is_secret_parameter

HIDDEN: Final = "[redacted]"

_RARE: Final = (
    b"\\",
    b"=",
    b"?",
    b"secret",
    b"cred",
    b"pass",
    b'pin"',
    b"pin:",
    b'sig"',
    b"sig:",
    b"auth",
    b"bearer",
    b"encryptedcontent",
    b"clientstate",
)
_RARER: Final = (
    (b"k", (b"token", b'key"', b"key:", b'keys"', b"keys:", b"cookie", b"replacementlink")),
    (b"w", (b"pwd", b"jwt")),
    (b"x", (b"replacescontext",)),
    (b"j", (b"eyj",)),
    (b"%", (b"%3d",)),
)
"""Words that contain a rare character, for which a search is ten times as fast."""

_LOWER: Final = bytes.maketrans(ascii_uppercase.encode(), ascii_lowercase.encode())

_BEARER: Final = re.compile(r"(?i)(?<![a-z])(bearer(?:\s|%20|\+){1,8})[\w.~+/=%-]+", re.ASCII)
_JOINED: Final = re.compile(r"[\w.-]++", re.ASCII)
_HEADER: Final = "eyJ"
"""The beginning of the base64url of `{"`, and so of every JSON Web Token."""
_SHORTEST_HEADER: Final = 12
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/?#\s\"'<>\\]*@")
_PERCENT_NAME: Final = re.compile(r"%(?:25){0,3}(?:3f|26|23)([\w.-]++)%(?:25){0,3}3d", re.IGNORECASE)
_PERCENT_VALUE: Final = re.compile(
    r"[^%\s&#\"'<>\\]*+(?:%(?!(?:25){0,3}(?:26|23))[^%\s&#\"'<>\\]*+)*", re.IGNORECASE
)
_NAME: Final = re.compile(r"(?<![\w%.$-])([\w%.$-]++)(?:\\*+[\"'])?\s{0,4}([:=])\s{0,4}")
_VALUE: Final = re.compile(
    r"\[redacted\]"
    r"|\"[^\"\\]*+(?:\\.[^\"\\]*+)*\"?|\\++\"[^\"]*+\"?|'[^']*+'?"  # quoted, in JSON, in JSON within JSON, by hand
    r"|[{\[].*+"  # the end of an object or a list is not looked for
    r"|[^\s&;\"'<>#\\]++(?: [0-9]++)*",  # a word, or digits in groups
    re.DOTALL,
)
_LINE: Final = re.compile(r"[^\r\n]*+")
_BEFORE_PARAMETERS: Final = frozenset("?&#;")


def may_hold_secrets(text: str) -> bool:
    """Return whether a JSON text may contain a secret, by name, by form, or behind an escape.

    Plain searches, since nearly all values pass: 6 µs for an invitation of 500 bytes. They search bytes, which is
    faster than text, without the characters that may separate the words of a name or follow it. Short words count
    only at the end of a name, or every roster with a Pinto would be cleaned, which takes 50 ms for a thousand.
    """
    raw = text.encode().translate(_LOWER, b"_-. '")
    for word in _RARE:
        if word in raw:
            return True
    for letter, words in _RARER:
        if letter in raw:
            for word in words:
                if word in raw:
                    return True
    if b"://" not in raw:
        return False
    # An address with a fragment, or with a login; types begin with `#microsoft.graph`.
    return raw.count(b"#") > raw.count(b"#microsoft") or _CREDENTIALS.search(text) is not None


def without_tokens(text: str) -> str:
    """Return a text with secrets hidden, recognised by their form or by the name before them."""
    lowered = text.lower()
    if "eyJ" in text:
        text = _without_jwts(text)
    if "bearer" in lowered:
        text = _BEARER.sub(rf"\1{HIDDEN}", text)
    if "://" in text and "@" in text:
        text = _CREDENTIALS.sub(f"{HIDDEN}@", text)
    if "3d" in lowered and "%" in text:
        text = _without_values(text, _PERCENT_NAME, _PERCENT_VALUE)
    return _without_values(text, _NAME, _VALUE) if "=" in text or ":" in text else text


def without_query(url: str) -> str:
    """Return an address with the parts hidden that may authenticate: user name and password, query, fragment."""
    plain = _CREDENTIALS.sub(f"{HIDDEN}@", url)
    end = min((place for mark in "?#" if (place := plain.find(mark)) >= 0), default=len(plain))
    return plain[: end + 1] + HIDDEN if end < len(plain) else plain


def _without_jwts(text: str) -> str:
    return _JOINED.sub(_without_jwt, text)


def _without_jwt(joined: re.Match[str]) -> str:
    """Return a run of letters, digits, `.`, `-` and `_` with a token hidden, from its header to the end of the run."""
    run, start = joined[0], 0
    if _HEADER not in run:
        return run
    for part in run.split(".")[:-1]:
        place = part.find(_HEADER)
        if 0 <= place <= len(part) - _SHORTEST_HEADER:
            return run[: start + place] + HIDDEN
        start += len(part) + 1
    return run


def _without_values(text: str, names: re.Pattern[str], values: re.Pattern[str]) -> str:
    pieces, end = [], 0
    for found in names.finditer(text):
        if found.start() < end or not _is_secret(text, found):
            continue
        value = (_LINE if is_header_line(found[1]) else values).match(text, found.end())
        if value and value[0]:
            pieces += [text[end : found.end()], HIDDEN]
            end = value.end()
    return "".join([*pieces, text[end:]]) if pieces else text


def _is_secret(text: str, found: re.Match[str]) -> bool:
    is_parameter = found.re is _PERCENT_NAME or (
        found[2] == "=" and text[max(0, found.start() - 1)] in _BEFORE_PARAMETERS
    )
    return is_secret_parameter(found[1]) if is_parameter else is_secret(found[1])
