"""Many clients that wait at once: each gets its response, and the store is not read once for each."""

import asyncio
import json
import resource
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.notifications import operation
from tests.support.service import READ, WRITE, Service
from tests.support.service_fixtures import Start
from tests.support.stores import StoreServer

pytestmark = pytest.mark.slow

HERD = 600
"""More than twice as many as may queue for reads of the store."""


@pytest.fixture(autouse=True)
def _many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * HERD)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def reads(store: StoreServer) -> int:
    """Return how many scripts the store has run; nothing but waits runs any in these tests, once they wait."""
    return int(store.client.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])


async def _get(service: Service, path: str, *, etag: str = "") -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    condition = f"If-None-Match: {etag}\r\n" if etag else ""
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {READ}\r\n{condition}Connection: close\r\n\r\n"
    writer.write(head.encode())
    received = await reader.read()
    writer.close()
    head_read, _, body = received.partition(b"\r\n\r\n")
    return int(head_read.split()[1]), body


def herd(
    service: Service, paths: Sequence[str], then: Callable[[], object], *, etag: str = ""
) -> list[tuple[int, bytes]]:
    """Let clients wait, some at a time; do something when all of them wait; return status and body of each answer."""

    async def all_of_them() -> list[tuple[int, bytes]]:
        waiting: list[Awaitable[tuple[int, bytes]]] = []
        for start in range(0, len(paths), 50):
            waiting += [
                asyncio.ensure_future(_get(service, path, etag=etag)) for path in paths[start : start + 50]
            ]
            await asyncio.sleep(0.1)
        while (waiters := await asyncio.to_thread(_waiters, service)) < len(paths):
            assert waiters <= len(paths)
            await asyncio.sleep(0.1)
        await asyncio.to_thread(then)
        return list(await asyncio.gather(*waiting))

    # In a thread of its own: the browser tests leave an event loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(asyncio.wait_for(all_of_them(), 50))).result()


def _waiters(service: Service) -> int:
    lines = service.get("/metrics").body.decode().splitlines()
    return int(sum(float(line.split()[1]) for line in lines if line.startswith("receiver_waiters ")))


def test_herd_of_one_operation_gets_its_result(start: Start, store: StoreServer) -> None:
    service = start()
    service.request("PUT", "/operations/invite-1", key=WRITE)
    before = []

    def finish() -> None:
        before.append(reads(store))
        assert service.call_back(operation()).status == 202

    answers = herd(service, ["/operations/invite-1?wait=25"] * HERD, finish)
    assert Counter(status for status, _ in answers) == {200: HERD}
    assert {json.loads(body)["status"] for _, body in answers} == {"completed"}
    assert {json.loads(body)["others"] for _, body in answers} == {0}
    assert reads(store) - before[0] < 50, "the event contains the record"


def test_herd_of_an_unknown_operation_gets_its_result(start: Start) -> None:
    service = start()
    answers = herd(service, ["/operations/invite-1?wait=25"] * HERD, lambda: service.call_back(operation()))
    assert Counter(status for status, _ in answers) == {200: HERD}
    assert {(json.loads(body)["status"], json.loads(body)["others"]) for _, body in answers} == {
        ("completed", 0)
    }


def test_herd_on_a_shared_client_context_counts_others(start: Start, store: StoreServer) -> None:
    service = start()
    service.call_back(operation(op="one"), operation(op="two"))
    etag = service.get("/operations/invite-1").headers["ETag"]
    before = []

    def add() -> None:
        before.append(reads(store))
        service.call_back(operation(op="three"))

    answers = herd(service, ["/operations/invite-1?wait=25"] * HERD, add, etag=etag)
    assert Counter(status for status, _ in answers) == {200: HERD}
    found = {(json.loads(body)["operationId"], json.loads(body)["others"]) for _, body in answers}
    assert found == {("three", 2)}
    assert reads(store) - before[0] < 50, "requests that ask at the same time share a read"


def test_herd_at_the_end_of_its_time_gets_the_state(start: Start) -> None:
    service = start()
    service.call_back(*(operation(cc=f"cc-{n}", op=f"op-{n}", status="running") for n in range(HERD // 2)))
    paths = [f"/operations/cc-{number}?wait=12" for number in range(HERD)]
    answers = herd(service, paths, lambda: None)
    assert Counter(status for status, _ in answers) == {200: HERD // 2, 404: HERD // 2}


def test_wait_that_ends_answers_as_get_does(start: Start) -> None:
    service = start()
    service.call_back(operation(status="running"))
    answers = herd(
        service,
        ["/operations/invite-1?wait=4"],
        lambda: service.request("DELETE", "/operations/invite-1", key=WRITE),
    )
    assert [status for status, _ in answers] == [404], "that an operation was forgotten is not in the feed"
