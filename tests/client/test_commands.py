"""`receiver get`, `wait` and `watch`, as somebody types them."""

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

NOBODY_ANSWERED = {"code": 408, "subcode": 10057, "message": "Nobody answered at 4:+12065550100."}
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

    def see(self, pattern: str) -> None:
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
            with suppress(OSError):  # as Linux says that nobody has the terminal any more
                self.text += self._decoder.decode(os.read(self._fd, 65536))


def test_get_tells_all_that_matters(service: Service) -> None:
    service.call_back(operation(status="running"))
    service.call_back(operation(status="failed", resultInfo=NOBODY_ANSWERED))
    service.call_back(operation())
    told = run(service, "get", "invite-1")
    assert (told.exit_code, told.stderr) == (0, "")
    lines = [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<time>", text) for text in told.output.splitlines()]
    assert lines == [
        "inviteParticipants  failed!  408/10057",
        "Nobody answered at 4:+12065550100.",
        "  client context  invite-1",
        f"  call            {CALL}",
        f"  operation       {OPERATION}",
        "  running         <time>",
        "  failed          <time>",
        "  conflict        completed said later, <time>",
    ]


def test_get_names_a_reason_and_how_many_others_there_are(service: Service) -> None:
    service.call_back(operation(op="one"))
    service.call_back(operation(op="two", type="sendDtmfTonesOperation", completionReason="odd\x07"))
    lines = run(service, "get", "invite-1").output.splitlines()
    assert lines[0] == "sendDtmfTones  completed"
    assert "  reason          'odd\\x07'" in lines
    assert "  others          1 more with the same client context" in lines


def test_an_operation_that_is_overdue_is_told_as_such(service: Service) -> None:
    service.request("PUT", "/operations/invite-1?deadline=1", key=WRITE)
    assert re.search(
        r"^operation  unknown\n.*^  result due      20", run(service, "get", "invite-1").output, RE_TEXT
    )
    with running(service, "watch") as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(2)]
    assert [re.split(r"  +", text.strip())[1:] for text in lines] == [
        ["unknown", "operation", "invite-1"],
        ["unknown", "operation", "invite-1", "overdue"],
    ]
    told = run(service, "wait", "invite-1", "--timeout", "0")
    assert (told.exit_code, told.output.splitlines()[0]) == (3, "operation  unknown  overdue")


def test_get_prints_json_as_the_receiver_answers_it(service: Service) -> None:
    service.call_back(operation(cc="façade"))
    told = run(service, "get", "façade", "--json")
    assert json.loads(told.stdout) == service.get("/operations/fa%C3%A7ade").json


def test_no_text_of_others_reaches_the_terminal_as_it_is(service: Service) -> None:
    info = {"code": 500, "subcode": 1, "message": ESCAPE}
    service.call_back(operation(cc=ESCAPE, status="failed", resultInfo=info))
    for told in (run(service, "get", ESCAPE), run(service, "wait", ESCAPE)):
        assert "gone" in told.output
        assert "\x1b" not in told.output
        assert "\nforged" not in told.output


def test_get_tells_by_its_status_whether_anything_is_known(service: Service) -> None:
    service.call_back(operation(status="running"))
    assert run(service, "get", "invite-1").exit_code == 0
    unknown = run(service, "get", "unknown")
    assert (unknown.exit_code, unknown.stdout) == (4, "")
    assert unknown.stderr == "Nobody has told of it: neither Graph nor a registration.\n"


@pytest.mark.parametrize(
    ("status", "expected"), [("completed", 0), ("failed", 1), ("running", 3), ("somethingNew", 3)]
)
def test_wait_tells_the_outcome_by_its_status(service: Service, status: str, expected: int) -> None:
    service.call_back(operation(status=status))
    told = run(service, "wait", "invite-1", "--timeout", "0.1")
    assert told.exit_code == expected
    assert told.output.startswith(f"inviteParticipants  {status}\n")


def test_wait_waits(service: Service) -> None:
    threading.Timer(0.5, service.call_back, [operation()]).start()
    assert run(service, "wait", "invite-1").exit_code == 0
    assert run(service, "wait", "unknown", "--timeout", "1").exit_code == 4


@pytest.mark.parametrize("command", [("get", "x"), ("wait", "x", "--timeout", "1"), ("watch",)])
def test_a_receiver_that_does_not_answer_or_refuses(service: Service, command: tuple[str, ...]) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    silent = run(service, *command, "--url", address)
    assert (silent.exit_code, silent.stdout) == (5, "")
    assert f"Error: {address} does not answer: " in silent.stderr
    refused = run(service, *command, key="wrong")
    assert (refused.exit_code, refused.stdout) == (5, "")
    assert "Error: 401 A known API key is needed: " in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("get",), "CLIENT_CONTEXT"),
        (("get", ""), "an empty text names nothing"),
        (("get", "x", "--url", "here"), "https://receiver.example"),
        (("get", "x", "--key", "two words"), "the key"),
        (("wait", "x", "--timeout", "-1"), "--timeout"),
    ],
)
def test_wrong_use_has_a_status_of_its_own(
    service: Service, arguments: tuple[str, ...], complaint: str
) -> None:
    told = run(service, *arguments)
    assert told.exit_code == 2
    assert complaint in told.stderr


@pytest.mark.parametrize("command", ["get", "wait", "watch"])
def test_help_names_the_exit_statuses_and_the_environment(service: Service, command: str) -> None:
    helped = run(service, command, "--help").output
    assert re.search(r"^  Exit status: 0  .+\n( {15}\d  .+\n)+", helped, re.MULTILINE)
    assert "RECEIVER_URL" in helped
    assert "RECEIVER_KEY" in helped
    assert READ not in helped


def test_a_wait_that_is_interrupted_has_not_failed(service: Service, impostor: Impostor) -> None:
    impostor.do = silence
    with running(service, "wait", "invite-1", "--url", impostor.origin) as process:
        while not impostor.requests:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130


def test_watch_prints_a_line_for_each_change_where_there_is_no_terminal(service: Service) -> None:
    service.call_back(operation(cc="oldest", op="a"), operation(cc="older", op="b"))
    service.request("PUT", "/operations/invite-1", key=WRITE)
    with running(service, "watch", "--newest", "2") as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(2)]
        service.call_back(operation(status="running"))
        lines.append(process.stdout.readline())
        service.call_back(operation(status="failed", resultInfo=NOBODY_ANSWERED))
        lines.append(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=10) == ("", "")
        assert process.returncode == 0
    assert [re.split(r"  +", text.strip())[1:] for text in lines] == [
        ["completed", "inviteParticipants", "older"],
        ["unknown", "operation", "invite-1"],
        ["running", "inviteParticipants", "invite-1"],
        ["failed", "inviteParticipants", "invite-1", "408/10057"],
    ]


def test_watch_prints_lines_of_json_for_programs(service: Service) -> None:
    service.call_back(operation(cc="other", op="x"), operation(status="running"))
    with running(service, "watch", "--json", "--client-context", "invite-1") as process:
        assert process.stdout
        statuses = [json.loads(process.stdout.readline())["status"]]
        service.call_back(operation(cc="other", op="y"), operation())
        statuses.append(json.loads(process.stdout.readline())["status"])
    assert statuses == ["running", "completed"]


def test_watch_shows_a_table_on_a_terminal_that_changes_where_it_stands(service: Service) -> None:
    service.call_back(
        operation(status="running"), *(operation(cc=f"cc-{n}", op=f"op-{n}") for n in range(30))
    )
    service.call_back(operation(cc=ESCAPE, op="escape", status="odd"))
    with Terminal(service, "watch", "--newest", "50") as terminal:
        terminal.see(r"\x1b\[3m" + service.address)
        terminal.see(r"· odd .+gone\\nforged")
        assert "\x1b[2Jgone" not in terminal.text
        assert "invite-1" not in terminal.text, "there is no room for it"
        service.call_back(operation(cc="new", op="new", status="running"))
        terminal.see(r"\x1b\[33m… running *\x1b\[0m +inviteParticipants +new")
        service.call_back(operation(cc="new", op="new"))
        terminal.see(r"\x1b\[32m✓ completed\x1b\[0m +inviteParticipants +new")
        service.call_back(operation(cc="bad", op="bad", status="failed", resultInfo=NOBODY_ANSWERED))
        terminal.see(r"\x1b\[31m✗ failed *\x1b\[0m +inviteParticipants +bad +408/10057")
        service.request("PUT", "/operations/late?deadline=1", key=WRITE)
        terminal.see(r"· unknown +operation +late +overdue")
        assert terminal.interrupt() == 0


def test_watch_prints_lines_on_a_terminal_without_rich_or_where_wanted(service: Service) -> None:
    service.call_back(operation())
    with Terminal(service, "watch", code="import sys; sys.modules['rich'] = None") as bare:
        bare.see(r"graph-call-receiver\[watch\]")
        bare.see(r"\x1b\[32mcompleted +\x1b\[0m +inviteParticipants +invite-1")
        assert bare.interrupt() == 0
    with Terminal(service, "watch", "--plain") as plain:
        plain.see(r"completed +\x1b\[0m +inviteParticipants +invite-1")
        assert "install" not in plain.text
        assert plain.interrupt() == 0
