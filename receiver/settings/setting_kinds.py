"""The kinds of settings: any text, a whole number in a range, one of some words."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Setting:
    """A variable of the environment.

    Args:
        name: the variable.
        default: what applies where it is not set.
        meaning: what it sets, and which values it takes.
    """

    name: str
    default: str
    meaning: str

    @property
    def values(self) -> str:
        """The values that it takes, for the guide; empty where the meaning has them."""
        return ""


@dataclass(frozen=True, slots=True)
class NumberSetting(Setting):
    """A whole number from `low` to `high`; `number` is the default."""

    number: int
    low: int
    high: int

    @property
    def values(self) -> str:
        """The range."""
        return f"{self.low:,} to {self.high:,}"


@dataclass(frozen=True, slots=True)
class ChoiceSetting(Setting):
    """One of some words, of which `choice` is the default."""

    choice: str
    choices: tuple[str, ...]

    @property
    def values(self) -> str:
        """The words."""
        return ", ".join(f"`{word}`" for word in self.choices)
