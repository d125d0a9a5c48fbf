"""A stopping receiver with clients that repeat at once: waits and streams last, so that they do not spin."""

import socket
import threading
import time
from http.client import HTTPConnection, HTTPException

import pytest

from tests.support.listening import Listener
from tests.support.notifications import operation
from tests.support.service import READ, WRITE
from tests.support.service_fixtures import Start
from tests.support.waiting import until

pytestmark = pytest.mark.slow

MOST = 4
"""Times that a client may be let in during a stop: once when it ends, and once more where both are close."""


class Restless(threading.Thread):
    """A client that asks again at once, whatever comes, until no connection is accepted any more."""

    def __init__(self, port: int, path: str) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._path = path
        self.answers: list[int] = []
        self.ended = threading.Event()
        self.begun = threading.Event()

    def run(self) -> None:
        while True:
            connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
            try:
                connection.request("GET", self._path, headers={"Authorization": f"Bearer {READ}"})
                self.begun.set()
                answer = connection.getresponse()
                self.answers.append(answer.status)
                answer.read()
            except ConnectionRefusedError:
                break
            except (OSError, HTTPException):
                pass
            finally:
                connection.close()
        self.ended.set()


@pytest.mark.parametrize(
    "path",
    ["/events", "/events?clientContext=invite-1", "/operations/invite-1?wait=20", "/operations/x?wait=20"],
)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_client_that_repeats_at_once_does_not_spin(path: str, workers: str, start: Start) -> None:
    service = start(WEB_CONCURRENCY=workers)
    service.request("PUT", "/operations/invite-1", key=WRITE)
    client = Restless(service.port, path)
    client.start()
    assert client.begun.wait(10)
    time.sleep(0.5)
    began = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - began < 10
    assert client.ended.wait(20)
    assert len(client.answers) <= MOST
    assert set(client.answers) <= {200, 404}


def test_stream_that_begins_after_sigterm_gets_events(start: Start) -> None:
    service = start()
    stopping = threading.Thread(target=service.stop)
    with Listener(service) as before:
        stopping.start()
        until(lambda: "Handling signal: term" in service.log)
        with Listener(service) as during:
            assert service.call_back(operation()).status == 202
            assert before.wait_for(1)[0].data["done"]
            assert during.wait_for(1)[0].data["done"]
            stopping.join(20)
            assert before.ended.wait(5)
            assert during.ended.wait(5)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", service.port), timeout=5)


def test_wait_that_begins_after_sigterm_gets_the_result(start: Start) -> None:
    service = start()
    service.call_back(operation(status="running"))
    stopping = threading.Thread(target=service.stop)
    stopping.start()
    until(lambda: "Handling signal: term" in service.log)
    posting = threading.Timer(0.5, lambda: service.call_back(operation()))
    posting.start()
    answer = service.get("/operations/invite-1?wait=20")
    assert (answer.status, answer.json["status"]) == (200, "completed")
    posting.join()
    stopping.join(20)
