"""Ids of requests and deliveries: unlike any other, and no secret."""

import random


def make_id() -> str:
    """Return twelve hexadecimal digits.

    From the quick generator, which Python seeds anew in every process that is forked; the system's own takes ten
    times as long.
    """
    return f"{random.getrandbits(48):012x}"
