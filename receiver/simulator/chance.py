"""Random decisions. The generator is always an argument, so that a seed repeats every decision."""

from random import Random


def with_probability(random: Random, probability: float) -> bool:
    """Return True with this probability, 0 to 1."""
    return random.random() < probability
