"""The log at `LOG_LEVEL=debug`: no line contains text of a client."""

import socket
import time

from receiver.simulator.issuer import Issuer
from tests.support.notifications import operation
from tests.support.service_fixtures import Start
from tests.web.raw import exchange


def test_debug_log_has_no_paths_and_no_headers(start: Start, issuer: Issuer) -> None:
    service = start(issuer, LOG_LEVEL="debug")
    service.get("/operations/Alice%20Example?clientContext=Alice")
    service.call_back(operation(cc="Alice Example"))
    with socket.create_connection(("127.0.0.1", service.port), 5) as client:
        client.sendall(b"GET /Alice HTTP/1.1\r\nHost: Alice\r\nX-Alice: Alice")  # and goes
    exchange(service, b"POST /Alice HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nAlice")
    exchange(service, b"GET /Alice HTTP/1.1\r\nAlice\r\n\r\n")
    exchange(service, b"Alice\r\n\r\n")
    time.sleep(0.2)
    assert "level=debug" in service.log
    assert "Alice" not in service.log
