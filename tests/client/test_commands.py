"""`receiver get`, `wait` and `watch`, run as from a shell."""

import codecs
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Self

import pytest
from click.testing import CliRunner, Result

from receiver.cli.main import main
from tests.client.conftest import Impostor
from tests.support.key_provider import silence
from tests.support.notifications import CALL, OPERATION, operation
from tests.support.service import READ, WRITE, Service, free_port

NO_ANSWER = {"code": 408, "subcode": 10057, "message": "Nobody answered at 4:+12065550100."}
RE_TEXT = re.MULTILINE | re.DOTALL
ESCAPE = "\x1b[2Jgone\nforged"


def run(service: Service, *arguments: str, key: str = READ) -> Result:
    environment = {"RECEIVER_URL": service.address, "RECEIVER_KEY": key}
    return CliRunner().invoke(main, arguments, env=environment, terminal_width=100)


def environment(service: Service) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "RECEIVER_URL": service.address,
        "RECEIVER_KEY": READ,
        "PYTHONUNBUFFERED": "1",
        "TERM": "xterm-256color",
    }


@contextmanager
def running(service: Service, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "receiver", *arguments]
    process = subprocess.Popen(
        command, env=environment(service), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


class Terminal:
    """A command on a terminal of its own, 20 lines of 100 columns."""

    def __init__(self, service: Service, *arguments: str, code: str = "pass") -> None:
        self._fd, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 100, 0, 0))
        begin = f"{code}; from receiver.cli.main import main; main()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", begin, *arguments],
            env=environment(service),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.text = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._fd)

    def await_text(self, pattern: str) -> None:
        deadline = time.monotonic() + 20
        while not re.search(pattern, self.text):
            assert time.monotonic() < deadline, self.text
            self._read()

    def interrupt(self) -> int:
        self._process.send_signal(signal.SIGINT)
        while self._process.poll() is None:
            self._read()
        return self._process.returncode

    def _read(self) -> None:
        if select.select([self._fd], [], [], 0.1)[0]:
            with suppress(OSError):  # Linux reports so that no process has the terminal open
                self.text += self._decoder.decode(os.read(self._fd, 65536))


def test_get_describes_an_operation(service: Service) -> None:
    service.call_back(operation(status="running"))
    service.call_back(operation(status="failed", resultInfo=NO_ANSWER))
    service.call_back(operation())
    result = run(service, "get", "invite-1")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<time>", text) for text in result.output.splitlines()]
    assert lines == [
        "inviteParticipants  failed!  408/10057 Nobody answered",
        "Nobody answered at 4:+12065550100.",
        "  client context  invite-1",
        f"  call            {CALL}",
        f"  operation       {OPERATION}",
        "  running         <time>",
        "  failed          <time>",
        "  conflict        completed reported later, <time>",
    ]


def test_get_prints_the_reason_and_the_number_of_others(service: Service) -> None:
    service.call_back(operation(op="one"))
    service.call_back(operation(op="two", type="sendDtmfTonesOperation", completionReason="odd\x07"))
    lines = run(service, "get", "invite-1").output.splitlines()
    assert lines[0] == r"sendDtmfTones  completed  'Odd\x07'"
    assert "  reason          'odd\\x07'" in lines
    assert "  others          1 more with the same client context" in lines


def test_an_overdue_operation_is_shown_as_overdue(service: Service) -> None:
    with running(service, "watch") as process:
        assert process.stdout
        service.request("PUT", "/operations/invite-0", key=WRITE)
        assert "invite-0" in process.stdout.readline()  # it watches now, and misses nothing
        service.request("PUT", "/operations/invite-1?deadline=1", key=WRITE)
        assert re.search(
            r"^operation  unknown.*\n.*^  result due      20", run(service, "get", "invite-1").output, RE_TEXT
        )
        lines = [process.stdout.readline() for _ in range(2)]
    assert [re.split(r"  +", text.strip())[1:] for text in lines] == [
        ["unknown", "operation", "invite-1"],
        ["unknown", "operation", "invite-1", "overdue"],
    ]
    result = run(service, "wait", "invite-1", "--timeout", "0")
    assert (result.exit_code, result.output.splitlines()[0]) == (3, "operation  unknown  overdue")


def test_get_json_prints_the_receivers_document(service: Service) -> None:
    service.call_back(operation(cc="façade"))
    result = run(service, "get", "façade", "--json")
    assert json.loads(result.stdout) == service.get("/operations/fa%C3%A7ade").json


def test_control_characters_of_values_are_escaped(service: Service) -> None:
    info = {"code": 500, "subcode": 1, "message": ESCAPE}
    service.call_back(operation(cc=ESCAPE, status="failed", resultInfo=info))
    for result in (run(service, "get", ESCAPE), run(service, "wait", ESCAPE)):
        assert "gone" in result.output
        assert "\x1b" not in result.output
        assert "\nforged" not in result.output


def test_get_of_an_unknown_operation_exits_with_4(service: Service) -> None:
    service.call_back(operation(status="running"))
    assert run(service, "get", "invite-1").exit_code == 0
    unknown = run(service, "get", "unknown")
    assert (unknown.exit_code, unknown.stdout) == (4, "")
    assert (
        unknown.stderr
        == "The operation is unknown: the receiver has neither a notification nor a registration of it.\n"
    )


@pytest.mark.parametrize(
    ("status", "expected"), [("completed", 0), ("failed", 1), ("running", 3), ("somethingNew", 3)]
)
def test_wait_exits_with_the_status_of_the_result(service: Service, status: str, expected: int) -> None:
    service.call_back(operation(status=status))
    result = run(service, "wait", "invite-1", "--timeout", "0.1")
    assert result.exit_code == expected
    assert result.output.startswith(f"inviteParticipants  {status}")


def test_wait_returns_when_the_result_arrives(service: Service) -> None:
    threading.Timer(0.5, service.call_back, [operation()]).start()
    assert run(service, "wait", "invite-1").exit_code == 0
    assert run(service, "wait", "unknown", "--timeout", "1").exit_code == 4


@pytest.mark.parametrize("command", [("get", "x"), ("wait", "x", "--timeout", "1"), ("watch",)])
def test_a_receiver_that_refuses_or_is_down_exits_with_5(service: Service, command: tuple[str, ...]) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    silent = run(service, *command, "--url", address)
    assert (silent.exit_code, silent.stdout) == (5, "")
    assert f"Error: {address} does not answer: " in silent.stderr
    refused = run(service, *command, key="wrong")
    assert (refused.exit_code, refused.stdout) == (5, "")
    assert "Error: 401 A known API key is needed: " in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("get",), "CLIENT_CONTEXT"),
        (("get", ""), "a client context can't be empty"),
        (("get", "x", "--url", "here"), "https://receiver.example"),
        (("get", "x", "--key", "two words"), "the key"),
        (("wait", "x", "--timeout", "-1"), "--timeout"),
    ],
)
def test_wrong_arguments_exit_with_2(service: Service, arguments: tuple[str, ...], message: str) -> None:
    result = run(service, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize("command", ["get", "wait", "watch"])
def test_help_names_the_exit_statuses_and_the_environment(service: Service, command: str) -> None:
    helped = run(service, command, "--help").output
    assert re.search(r"^  Exit status: 0  .+\n( {15}\d  .+\n)+", helped, re.MULTILINE)
    assert "RECEIVER_URL" in helped
    assert "RECEIVER_KEY" in helped
    assert READ not in helped


def test_an_interrupted_wait_exits_with_130(service: Service, impostor: Impostor) -> None:
    impostor.do = silence
    with running(service, "wait", "invite-1", "--url", impostor.origin) as process:
        while not impostor.requests:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130


def test_watch_prints_lines_without_a_terminal(service: Service) -> None:
    service.call_back(operation(cc="oldest", op="a"), operation(cc="older", op="b"))
    service.request("PUT", "/operations/invite-1", key=WRITE)
    with running(service, "watch", "--newest", "2") as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(2)]
        service.call_back(operation(status="running"))
        lines.append(process.stdout.readline())
        service.call_back(operation(status="failed", resultInfo=NO_ANSWER))
        lines.append(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=10) == ("", "")
        assert process.returncode == 0
    assert [re.split(r"  +", text.strip())[1:] for text in lines] == [
        ["completed", "inviteParticipants", "older", "Succeeded"],
        ["unknown", "operation", "invite-1"],
        ["running", "inviteParticipants", "invite-1"],
        ["failed", "inviteParticipants", "invite-1", "408/10057 Nobody answered"],
    ]


def test_watch_json_prints_a_document_a_line(service: Service) -> None:
    service.call_back(operation(cc="other", op="x"), operation(status="running"))
    with running(service, "watch", "--json", "--client-context", "invite-1") as process:
        assert process.stdout
        statuses = [json.loads(process.stdout.readline())["status"]]
        service.call_back(operation(cc="other", op="y"), operation())
        statuses.append(json.loads(process.stdout.readline())["status"])
    assert statuses == ["running", "completed"]


def test_watch_on_a_terminal_updates_a_table_in_place(service: Service) -> None:
    service.call_back(
        operation(status="running"), *(operation(cc=f"cc-{n}", op=f"op-{n}") for n in range(30))
    )
    service.call_back(operation(cc=ESCAPE, op="escape", status="odd"))
    with Terminal(service, "watch", "--newest", "50") as terminal:
        terminal.await_text(r"\x1b\[3m" + service.address)
        terminal.await_text(r"· odd .+gone\\nforged")
        assert "\x1b[2Jgone" not in terminal.text
        assert "invite-1" not in terminal.text, "the terminal is too small for it"
        service.call_back(operation(cc="new", op="new", status="running"))
        terminal.await_text(r"\x1b\[33m… running *\x1b\[0m +inviteParticipants +new")
        service.call_back(operation(cc="new", op="new"))
        terminal.await_text(r"\x1b\[32m✓ completed\x1b\[0m +inviteParticipants +new")
        service.call_back(operation(cc="bad", op="bad", status="failed", resultInfo=NO_ANSWER))
        terminal.await_text(
            r"\x1b\[31m✗ failed *\x1b\[0m +inviteParticipants +bad +408/10057 Nobody answered"
        )
        service.request("PUT", "/operations/late?deadline=1", key=WRITE)
        terminal.await_text(r"· unknown +operation +late +overdue")
        assert terminal.interrupt() == 0


def test_watch_on_a_terminal_prints_lines_if_plain(service: Service) -> None:
    service.call_back(operation())
    with Terminal(service, "watch", code="import sys; sys.modules['rich'] = None") as bare:
        bare.await_text(r"graph-call-receiver\[watch\]")
        bare.await_text(r"\x1b\[32mcompleted +\x1b\[0m +inviteParticipants +invite-1")
        assert bare.interrupt() == 0
    with Terminal(service, "watch", "--plain") as plain:
        plain.await_text(r"completed +\x1b\[0m +inviteParticipants +invite-1")
        assert "install" not in plain.text
        assert plain.interrupt() == 0
