"""The log of all kinds of requests: enough to follow them, and nothing personal."""

import json
import time
from urllib.parse import quote

import pytest

from receiver.log_grouping import BETWEEN_LINES
from tests.support.notifications import call, item, operation, roster
from tests.support.service import ALL, CLIENT_STATE, READ, WRITE, Service
from tests.web.raw import exchange

SECRETS = [
    "+15550123456",
    "4:+15550123456",
    "Ann Example",
    "8:orgid:0d7664b6",
    "recording-secret",
    "meeting-secret",
    "quarantined text",
    "not JSON at all",
]


def await_a_line_of_its_own() -> None:
    """Let the time pass in which the next answer would only be counted, and the second whose lines may be used up."""
    time.sleep(1 + BETWEEN_LINES)


def test_log_has_no_token_phone_number_name_or_body(service: Service) -> None:
    token = service.token()
    identity = {"identity": {"phone": {"id": "+15550123456"}, "user": {"displayName": "Ann Example"}}}
    failed = {"code": 408, "subcode": 10057, "message": "4:+15550123456 and 8:orgid:0d7664b6 did not answer"}
    await_a_line_of_its_own()
    service.call_back(
        operation(participants=[identity], resultInfo=failed, recordingAccessToken="recording-secret"),
        operation(participants=[identity], status="completed", resultInfo={"code": 200}),
        operation(cc="Ann Example", op="+15550123456", status="+15550123456", type="+15550123456"),
        operation(resultInfo="quarantined text"),
        call(meetingInfo={"token": "meeting-secret"}, source=identity),
        call("Ann Example", subject="Ann Example"),
        roster({"info": identity}),
        "quarantined text",
        token=token,
    )
    service.call_back(body=b"not JSON at all", token=token)
    service.call_back(operation(), token=token[:-5] + "AAAAA")
    service.call_back(operation(), headers={"X-Microsoft-Skype-Chain-ID": "Ann Example"})
    service.get("/operations/Ann%20Example?x=+15550123456", key=ALL)
    service.get("/operations?status=Ann%20Example", key=READ)
    service.get("/calls/+15550123456", key="a key of Ann Example")
    service.request("PUT", "/operations/Ann%20Example", key=WRITE, body={"id": 5, "x": "quarantined text"})
    service.request("POST", "/notifications", key=None, body={"value": [{"clientState": "Ann Example"}]})
    log = service.log
    assert "outcome=new" in log
    for secret in [*SECRETS, token, token.split(".")[1], token.split(".")[2], READ, WRITE, ALL]:
        assert secret not in log, secret
        assert json.dumps(secret)[1:-1] not in log


BREAKS = [
    "\n",
    "\r\n",
    "\r",
    "\x1b[31m",
    "\x85",
    "\u2028",
    "\u2029",
    "\x0b",
    "\x0c",
    "\x00",
    "\u202e",
    '" x="',
]


@pytest.mark.parametrize("break_", BREAKS)
def test_log_line_cannot_be_forged_by_a_request(service: Service, break_: str) -> None:
    await_a_line_of_its_own()
    before = len(service.log)
    evil = f"a{break_}timestamp=x level=error event=forged"
    path = quote(evil, safe="")
    service.call_back(
        operation(cc=evil, type=evil, status=evil, op=evil), call(evil), item(evil, {"x": evil})
    )
    service.call_back(operation(cc=evil, resultInfo=evil), evil, {evil: evil})
    service.call_back(body=evil.encode())
    service.get(f"/operations/{path}?{path}={path}")
    service.get(f"/{path}")
    service.get(f"/calls/{path}/operations/{path}", key=ALL)
    service.request("PUT", f"/operations/{path}", key=WRITE, body={"status": evil, evil: evil})
    lifecycle = {"subscriptionId": evil, "clientState": CLIENT_STATE, "lifecycleEvent": evil}
    service.request("POST", "/notifications", key=None, body={"value": [lifecycle]})
    for name in (
        b"X-Request-ID",
        b"X-Microsoft-Skype-Chain-ID",
        b"Scenario-ID",
        b"User-Agent",
        b"Authorization",
    ):
        header = name + b": Bearer " + evil.encode() + b"\r\n"
        exchange(service, b"POST /callback HTTP/1.1\r\nHost: h\r\n" + header + b"Connection: close\r\n\r\n")
    exchange(service, b"GET /" + evil.encode() + b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    written = service.log[before:]
    assert "event=answered" in written
    assert "forged" not in written
    for line in written.removesuffix("\n").split("\n"):
        assert line.startswith("timestamp=")
        assert line.isprintable(), line


def test_every_line_about_a_request_has_its_id(service: Service) -> None:
    """Its own id, Graph's id of the message, and the chain of messages that it belongs to."""
    await_a_line_of_its_own()
    before = len(service.log)
    ids = {
        "X-Request-ID": "request-of-the-test",
        "X-Microsoft-Skype-Message-ID": "message-of-the-test",
        "X-Microsoft-Skype-Chain-ID": "chain-of-the-test",
    }
    service.call_back(operation(), 17, headers=ids)
    service.call_back(operation(status="failed"), headers=ids)
    service.call_back(operation(), token="no token", headers=ids)
    written = service.log[before:].splitlines()
    named = [line for line in written if "request_id=request-of-the-test" in line]
    for line in named:
        assert "message_id=message-of-the-test" in line
        assert "scenario=chain-of-the-test" in line
    for event in ('event="an item could not be read', "event=operation outcome=conflict", "event=refused"):
        assert any(event in line for line in named), event
    for status in ("status=202", "status=401"):
        assert any("event=answered" in line and status in line for line in named), status
