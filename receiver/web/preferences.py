"""Read the header `Prefer` (RFC 7240): names in any case, quoted values, parameters, several fields.

Elements that cannot be parsed are ignored (section 2); of a preference that is given twice, the first counts. The
server joins several fields by commas.
"""

import re
from typing import Final

_NAME: Final = r"[\w!#$%'*+.^`|~&-]++"
_QUOTED: Final = r'"[^"\\]*+(?:\\.[^"\\]*+)*"'
_GAP: Final = r"[ \t]*+"
_PAIR: Final = rf"({_NAME})(?:{_GAP}={_GAP}({_NAME}|{_QUOTED})?)?"
_PARAMETERS: Final = rf"(?:{_GAP};{_GAP}(?:{_NAME}(?:{_GAP}={_GAP}(?:{_NAME}|{_QUOTED})?)?)?)*"

_PREFERENCE: Final = re.compile(rf"{_GAP}{_PAIR}{_PARAMETERS}{_GAP}(?:,|$)", re.ASCII)
_ANYTHING: Final = re.compile(rf'(?:[^,"]|{_QUOTED})*(?:,|$)')
"""An element that is not a preference, up to the next comma."""

_ESCAPED: Final = re.compile(r"\\(.)")


def read_preference(header: str, name: str) -> str | None:
    """Return the value of a preference; None if it is missing or has no value.

    Args:
        header: the field's text.
        name: in lower case.
    """
    position = 0
    while position < len(header):
        found = _PREFERENCE.match(header, position)
        if found and found[1].lower() == name:
            return _unquoted(found[2] or "") or None
        element = found or _ANYTHING.match(header, position)
        if element is None:
            return None
        position = element.end()
    return None


def _unquoted(word: str) -> str:
    return _ESCAPED.sub(r"\1", word[1:-1]) if word.startswith('"') else word
