"""The bound of a line: it is as long as can be served in time."""

from receiver.store.transport.queue_limit import QueueLimit


def length(bound: QueueLimit) -> int:
    return next(waiting for waiting in range(10_000) if not bound.admits(waiting))


def test_where_service_is_quick_the_line_is_as_long_as_it_may_be() -> None:
    bound = QueueLimit(1000, 1.0)
    assert length(bound) == 1000
    bound.observe(1, 0.001)
    bound.observe(128, 0.05, at_once=2)
    assert length(bound) == 1000


def test_where_service_is_slow_the_line_is_what_is_served_in_time() -> None:
    bound = QueueLimit(1000, 1.0)
    bound.observe(50, 0.5, at_once=2)
    assert length(bound) == 50, "200 a second, and 0.75 s go by with the one under way and one's own"


def test_a_few_may_stand_in_line_however_slow_service_is() -> None:
    bound = QueueLimit(1000, 1.0)
    bound.observe(1, 20.0)
    assert length(bound) == 16


def test_the_line_grows_again_step_by_step() -> None:
    bound = QueueLimit(1000, 1.0)
    bound.observe(1, 20.0)
    lengths = []
    for _ in range(7):
        bound.observe(1, 0.001)
        lengths.append(length(bound))
    assert lengths == [32, 64, 128, 256, 512, 1000, 1000]
