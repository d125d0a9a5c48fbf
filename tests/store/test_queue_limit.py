"""The limit of a queue: as many as are served in time."""

from receiver.store.transport.queue_limit import QueueLimit


def size_of(limit: QueueLimit) -> int:
    return next(waiting for waiting in range(10_000) if not limit.admits(waiting))


def test_queue_with_fast_service_is_as_long_as_allowed() -> None:
    limit = QueueLimit(1000, 1.0)
    assert size_of(limit) == 1000
    limit.observe(1, 0.001)
    limit.observe(128, 0.05, at_once=2)
    assert size_of(limit) == 1000


def test_queue_with_slow_service_is_what_is_served_in_time() -> None:
    limit = QueueLimit(1000, 1.0)
    limit.observe(50, 0.5, at_once=2)
    assert size_of(limit) == 50, "200 a second; 0.75 s pass with the round trip under way and the last one"


def test_queue_admits_a_few_however_slow_service_is() -> None:
    limit = QueueLimit(1000, 1.0)
    limit.observe(1, 20.0)
    assert size_of(limit) == 16


def test_queue_grows_again_step_by_step() -> None:
    limit = QueueLimit(1000, 1.0)
    limit.observe(1, 20.0)
    sizes = []
    for _ in range(7):
        limit.observe(1, 0.001)
        sizes.append(size_of(limit))
    assert sizes == [32, 64, 128, 256, 512, 1000, 1000]
