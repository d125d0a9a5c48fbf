"""Exit statuses of commands whose output is closed or full, or lacks a character."""

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
def test_a_character_outside_the_encoding_is_escaped(service: Service, encoding: str, command: str) -> None:
    service.call_back(operation(cc="a\u2713", resultInfo=MESSAGE))
    result = run(service, f"receiver {command} 'a\u2713'", PYTHONIOENCODING=encoding, PYTHONUTF8="1")
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"inviteParticipants  completed" in result.stdout
    as_json = run(service, f"receiver {command} --json 'a\u2713'", PYTHONIOENCODING=encoding, PYTHONUTF8="1")
    assert as_json.returncode == 0
    assert json.loads(as_json.stdout)["operation"]["resultInfo"]["message"] == MESSAGE["message"]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
def test_watch_escapes_a_character_outside_the_encoding(service: Service, encoding: str) -> None:
    service.call_back(operation(cc="a\u2713"))
    result = run(service, "timeout -s INT 5 receiver watch --plain | head -1", PYTHONIOENCODING=encoding)
    assert b"completed" in result.stdout
    assert b"Traceback" not in result.stderr


@pytest.mark.parametrize(("status", "expected"), [("completed", 0), ("failed", 1), ("running", 3)])
@pytest.mark.parametrize("output", ["| true", ">&-", "2>&- >&-"])
def test_a_closed_output_keeps_the_exit_status(
    service: Service, status: str, expected: int, output: str
) -> None:
    service.call_back(operation(status=status))
    result = run(
        service, f"(sleep 0.2; receiver wait invite-1 --timeout 0) {output}; exit ${{PIPESTATUS[0]}}"
    )
    assert (result.returncode, result.stderr) == (expected, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")  # noqa: PTH110
def test_a_full_output_exits_with_6(service: Service) -> None:
    service.call_back(operation())
    result = run(service, "receiver wait invite-1 > /dev/full")
    assert result.returncode == 6
    assert result.stderr.startswith(b"Error: the output can't be written: ")
    assert result.stderr.count(b"\n") == 1


def test_a_closed_output_exits_with_141(service: Service) -> None:
    result = run(service, "receiver keys | (exec <&-; sleep 1); exit ${PIPESTATUS[0]}")
    assert (result.returncode, result.stderr) == (141, b"")
