"""Ids of requests and notifications: unique, and not secret."""

import random


def make_id() -> str:
    """Return twelve hexadecimal digits.

    They come from Python's own generator, which is seeded anew in every forked process; the system's takes ten times as
    long.
    """
    return f"{random.getrandbits(48):012x}"
