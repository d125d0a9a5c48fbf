"""Read settings one by one and collect all errors in them. Pure: a function supplies the texts."""

import re
from collections.abc import Callable
from typing import TypeVar

from receiver.settings.setting_kinds import ChoiceSetting, NumberSetting

T = TypeVar("T")


class Reader:
    """Reads variables one by one, and collects their errors in `problems` instead of stopping at the first.

    Args:
        text: returns a variable's text, empty if it is not set; raises a ValueError with what is wrong.
    """

    def __init__(self, text: Callable[[str], str]) -> None:
        self._text = text
        self.problems: dict[str, str] = {}

    def parsed(self, name: str, default: T, parse: Callable[[str], T]) -> T:
        """Return a variable's parsed value; the default if it is not set or wrong."""
        try:
            text = self._text(name)
            return parse(text) if text else default  # platforms' forms set an empty value for "not set"
        except ValueError as error:
            self.problems[name] = str(error)
            return default

    def of_curl(self, name: str, default: T, parse: Callable[[str], T]) -> T:
        """Return a variable that many programs share: its name in lower case takes precedence, as for curl."""
        return self.parsed(name if not self._text(name.lower()) else name.lower(), default, parse)

    def list(self, name: str, parse: Callable[[str], T]) -> tuple[T, ...]:
        """Return the parsed values of a list separated by commas."""

        def parse_all(text: str) -> tuple[T, ...]:
            return tuple(parse(part.strip()) for part in text.split(",") if part.strip())

        return self.parsed(name, (), parse_all)

    def number(self, setting: NumberSetting, default: int | None = None) -> int:
        """Return a whole number in the setting's range; `default`, if given, replaces the setting's own."""
        usual = setting.number if default is None else default

        def parse(text: str) -> int:
            if not re.fullmatch(r"[0-9]{1,12}", text) or not setting.low <= int(text) <= setting.high:
                raise ValueError(
                    f"must be a whole number from {setting.low} to {setting.high}, for example {usual}"
                )
            return int(text)

        return self.parsed(setting.name, usual, parse)

    def choice(self, setting: ChoiceSetting) -> str:
        """Return one of the setting's choices, in lower case."""

        def parse(text: str) -> str:
            if text.lower() not in setting.choices:
                raise ValueError(f"must be one of {', '.join(setting.choices)}; for example {setting.choice}")
            return text.lower()

        return self.parsed(setting.name, setting.choice, parse)
