"""Chance, as words: the generator is always handed in, so that a seed repeats everything."""

from random import Random


def happens(random: Random, share: float) -> bool:
    """Decide whether something happens that does in this share of cases, 0 to 1."""
    return random.random() < share
