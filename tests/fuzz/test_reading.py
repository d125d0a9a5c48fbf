"""Whatever bytes come, the readers answer with updates or refuse them."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import notifications
from tests.fuzz.night import cases
from tests.fuzz.reading import look

BODIES = st.one_of(
    notifications.bodies(notifications.items()), notifications.bodies(notifications.changes()), st.binary()
)


@settings(
    max_examples=cases(usually=400, at_night=50_000), deadline=None, suppress_health_check=list(HealthCheck)
)
@given(BODIES)
def test_a_body_is_read_or_refused(body: bytes) -> None:
    look(body)
