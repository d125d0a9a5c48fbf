"""The words that this project does not use, as patterns, and the few texts that keep one."""

import re
from typing import Final

_DIALECT: Final = (
    r"news",
    r"tells?|told|untold",
    r"nobody|somebody|anybody|everybody",
    r"whoever|whom",
    r"aside",
    r"keepers?",
    r"stands? in line",
)
"""Words that stand nowhere: neither in text nor in comments, docstrings, identifiers and names of tests."""

_UNCLEAR: Final = (
    r"who",
    r"no one|someone|anyone|everyone",
    r"bury|buries|buried",
    r"doors?",
    r"gates?",
    r"tries",
    r"meters?",
    r"pace",
    r"strangers?",
    r"bears?",
    r"spares?",
    r"lanes?",
    r"in plain words",
    r"(?:become|became|becomes|come|came|comes) of",
    r"(?:say|says|said|speak|speaks|spoken) of",
    r"(?:bring|brings|brought) in",
    r"(?:is not|isn't|are not|aren't) there",
    r"(?<!there )is no (?!longer\b|more\b)",
    r"leaves? the house",
)
"""Words that text for users and operators has no need of."""

_KEPT: Final = (
    "Nobody answered",  # the result 408/10057
    "too-many-tries",  # a problem type, which clients branch on
    "that is no object",  # reasons of stored quarantine entries, and labels of a metric
)


def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(
        "|".join(rf"\b(?:{word})" if word.endswith(")") else rf"\b(?:{word})\b" for word in words),
        re.IGNORECASE,
    )


DIALECT: Final = _pattern(_DIALECT)
BANNED: Final = _pattern((*_DIALECT, *_UNCLEAR))

_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def find(pattern: re.Pattern[str], text: str) -> list[str]:
    """Return the banned words of a text."""
    for kept in _KEPT:
        text = text.replace(kept, "")
    return [found[0] for found in pattern.finditer(text)]


def words_of(name: str) -> str:
    """Return an identifier as words: `_anyBody_knows` is `any Body knows`."""
    return _HUMP.sub(" ", name).replace("_", " ").strip()
