"""Commands whose output can't hold a character, is closed, or is full: their exit statuses."""

import json
import os
import subprocess
import sys

import pytest

from tests.support.notifications import operation
from tests.support.service import READ, Service

MESSAGE = {"code": 200, "subcode": 0, "message": "Alice \u2713 \U0001f642 ist da"}


def run(service: Service, command: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a shell's command line, in which `receiver` is the command."""
    given = {"PATH": os.environ["PATH"], "RECEIVER_URL": service.address, "RECEIVER_KEY": READ}
    line = command.replace("receiver", f"{sys.executable} -m receiver")
    return subprocess.run(
        ["bash", "-c", line], env={**given, **environment}, capture_output=True, timeout=30, check=False
    )


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8"])
@pytest.mark.parametrize("command", ["get", "wait"])
def test_text_that_the_encoding_lacks_is_escaped(service: Service, encoding: str, command: str) -> None:
    service.call_back(operation(cc="a\u2713", resultInfo=MESSAGE))
    told = run(service, f"receiver {command} 'a\u2713'", PYTHONIOENCODING=encoding, PYTHONUTF8="1")
    assert (told.returncode, told.stderr) == (0, b"")
    assert b"inviteParticipants  completed" in told.stdout
    shown = run(service, f"receiver {command} --json 'a\u2713'", PYTHONIOENCODING=encoding, PYTHONUTF8="1")
    assert shown.returncode == 0
    assert json.loads(shown.stdout)["operation"]["resultInfo"]["message"] == MESSAGE["message"]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
def test_watch_prints_text_that_the_encoding_lacks(service: Service, encoding: str) -> None:
    service.call_back(operation(cc="a\u2713"))
    told = run(service, "timeout -s INT 5 receiver watch --plain | head -1", PYTHONIOENCODING=encoding)
    assert b"completed" in told.stdout
    assert b"Traceback" not in told.stderr


@pytest.mark.parametrize(("status", "expected"), [("completed", 0), ("failed", 1), ("running", 3)])
@pytest.mark.parametrize("output", ["| true", ">&-", "2>&- >&-"])
def test_an_output_that_is_closed_keeps_the_status(
    service: Service, status: str, expected: int, output: str
) -> None:
    service.call_back(operation(status=status))
    told = run(service, f"(sleep 0.2; receiver wait invite-1 --timeout 0) {output}; exit ${{PIPESTATUS[0]}}")
    assert (told.returncode, told.stderr) == (expected, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")  # noqa: PTH110
def test_an_output_that_is_full_has_a_status_of_its_own(service: Service) -> None:
    service.call_back(operation())
    told = run(service, "receiver wait invite-1 > /dev/full")
    assert told.returncode == 6
    assert told.stderr.startswith(b"Error: the output can't be written: ")
    assert told.stderr.count(b"\n") == 1


def test_a_command_whose_output_is_closed_does_not_leave_with_1(service: Service) -> None:
    told = run(service, "receiver keys | (exec <&-; sleep 1); exit ${PIPESTATUS[0]}")
    assert (told.returncode, told.stderr) == (141, b"")
