"""How long to look: some seconds with the other tests, or a night.

pytest tests/fuzz --hypothesis-profile=night --timeout=0
"""

from hypothesis import settings

IS_NIGHT = settings.get_current_profile_name() == "night"


def cases(usually: int, at_night: int) -> int:
    """Return how many cases to try."""
    return at_night if IS_NIGHT else usually
