import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote

import jwt
import pytest
import urllib3
from click.testing import CliRunner, Result

from receiver.cli.simulate_command import simulate
from receiver.simulator.issuer import Issuer
from tests.simulator.peer import Answer, Peer, ReceivedPost
from tests.simulator.verifying import APP, TENANT, verified


def run(peer: Peer, key_file: Path, *options: str) -> Result:
    fixed = ["--speed", "0", "--seed", "5", "--issuer-port", "0", "--key-file", str(key_file)]
    return CliRunner().invoke(simulate, [peer.url, *fixed, *options])


def start(peer: Peer, key_file: Path, *options: str) -> subprocess.Popen[str]:
    """Start the command as a process of its own, and wait until it sends."""
    code = "from receiver.cli.simulate_command import simulate; simulate()"
    fixed = [peer.url, "--calls", "0", "--issuer-port", "0", "--key-file", str(key_file)]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *fixed, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not peer.posts and time.monotonic() < deadline:
        time.sleep(0.01)
    assert peer.posts
    return process


def items(post: ReceivedPost) -> list[object]:
    text = post.body.decode("utf-8", "replace")
    return json.loads(text).get("value", []) if text else []


def kid(post: ReceivedPost) -> str:
    return str(jwt.get_unverified_header(post.headers["authorization"].split()[1])["kid"])


def refuse(post: ReceivedPost) -> Answer:
    return 401, {}, b'{"detail": "The token is not valid."}'


def test_help_has_the_settings_that_the_receiver_needs() -> None:
    text = CliRunner().invoke(simulate, ["--help"]).output
    assert (
        "\n  export RECEIVER_METADATA_URL=http://127.0.0.1:8001/v1/.well-known/OpenIdConfiguration\n"
        f"  export RECEIVER_APP_IDS={APP}\n"
    ) in text


def test_show_token_prints_a_token_and_sends_nothing(peer: Peer, key_file: Path, issuer: Issuer) -> None:
    shown = run(peer, key_file, "--show-token", "--tenant", TENANT)
    assert verified(issuer, shown.output.strip())["tid"] == TENANT
    forged = run(peer, key_file, "--show-token", "--token", "stranger")
    with pytest.raises(jwt.InvalidSignatureError):
        verified(issuer, forged.output.strip())
    assert peer.posts == []


def test_a_run_prints_each_post_and_a_summary(peer: Peer, key_file: Path) -> None:
    result = run(peer, key_file, "--calls", "2")
    assert result.exit_code == 0, result.output
    lines = re.findall(r"^\d\d:\d\d:\d\d\.\d{3}  .+ 202 +\d+ ms$", result.output, re.MULTILINE)
    assert len(lines) == len(peer.posts) > 20
    assert f"Sent       {len(peer.posts)} posts" in result.output
    assert f"Answered   202: {len(peer.posts)}" in result.output
    assert re.search(r"^Operations completed: \d+", result.output, re.MULTILINE)
    assert "\x1b[" not in result.output


def test_the_printed_settings_are_the_issuers(peer: Peer, key_file: Path) -> None:
    output = run(peer, key_file, "--calls", "1", "--app-id", "my-app").output
    assert re.search(
        r"^  export RECEIVER_METADATA_URL=http://127\.0\.0\.1:\d+/v1/\.well-known/", output, re.M
    )
    assert "\n  export RECEIVER_APP_IDS=my-app\n" in output


def test_quiet_prints_the_summary_only(peer: Peer, key_file: Path) -> None:
    output = run(peer, key_file, "--calls", "1", "--quiet").output
    assert [line.split()[0] for line in output.splitlines()] == ["Sent", "Answered", "Operations"]


def test_the_report_has_every_operation_with_its_status(peer: Peer, key_file: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.jsonl"
    refused: list[ReceivedPost] = []

    def refuse_one_recording(post: ReceivedPost) -> Answer:
        if b"recordingAccessToken" not in post.body or refused:
            return 202, {}, b""
        refused.append(post)
        return 503, {}, b""

    peer.answer = refuse_one_recording
    result = run(peer, key_file, "--calls", "3", "--report", str(report))
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert result.exit_code == 1
    assert "not accepted: 1" in result.output
    assert all(
        line.keys() == {"clientContext", "callId", "operationId", "type", "status", "httpStatus"}
        for line in lines
    )
    assert [line["type"] for line in lines if line["httpStatus"] == 503] == ["recordOperation"]
    assert {line["status"] for line in lines} == {"completed", "failed"}
    assert len({line["operationId"] for line in lines}) == len(lines) > 9


def test_disturbances_send_the_same_operations(peer: Peer, key_file: Path, tmp_path: Path) -> None:
    plain, disturbed = tmp_path / "plain", tmp_path / "disturbed"
    run(peer, key_file, "--report", str(plain))
    once = len(peer.posts)
    result = run(peer, key_file, "--report", str(disturbed), "--duplicate", "--reorder")
    assert result.exit_code == 0
    assert len(peer.posts) > 2 * once
    assert sorted(disturbed.read_text().splitlines()) == sorted(plain.read_text().splitlines())


def test_a_duplicated_result_is_accepted_if_either_was(peer: Peer, key_file: Path, tmp_path: Path) -> None:
    report = tmp_path / "report"
    seen: set[bytes] = set()

    def refuse_the_first_time(post: ReceivedPost) -> Answer:
        operation = b"".join(re.findall(rb"operations/[0-9A-Fa-f-]{32,36}", post.body))
        first = operation not in seen
        seen.add(operation)
        return (503 if first else 202), {}, b""

    peer.answer = refuse_the_first_time
    run(peer, key_file, "--report", str(report), "--duplicate")
    statuses = {json.loads(line)["httpStatus"] for line in report.read_text().splitlines()}
    assert statuses == {202, 503}


def test_batch_puts_notifications_into_one_post(peer: Peer, key_file: Path) -> None:
    assert run(peer, key_file, "--calls", "1", "--batch", "4").exit_code == 0
    assert max(len(items(post)) for post in peer.posts) == 4


def test_rotate_key_changes_the_key_in_the_middle(peer: Peer, key_file: Path) -> None:
    result = run(peer, key_file, "--calls", "1", "--rotate-key")
    kids = [kid(post) for post in peer.posts]
    assert "signs with a new key" in result.output
    assert len(set(kids)) == 2
    assert kids == sorted(kids, key=[kids[0], kids[-1]].index)
    assert kids[0] == Issuer(key_file).key.kid


@pytest.mark.parametrize("token", ["unsigned", "expired", "other-audience", "stranger"])
def test_a_refused_forgery_exits_with_0(peer: Peer, key_file: Path, token: str) -> None:
    peer.answer = refuse
    assert run(peer, key_file, "--calls", "1", "--token", token).exit_code == 0


def test_an_accepted_forgery_exits_with_1(peer: Peer, key_file: Path) -> None:
    assert run(peer, key_file, "--calls", "1", "--token", "unsigned").exit_code == 1


def test_a_refusals_reason_is_printed_once(peer: Peer, key_file: Path) -> None:
    peer.answer = refuse
    result = run(peer, key_file, "--calls", "1")
    assert result.exit_code == 1
    assert result.output.count("The token is not valid.") == 1


def test_query_key_prints_a_curl_command(peer: Peer, key_file: Path) -> None:
    output = run(peer, key_file, "--calls", "1", "--query-key", "k3y").output
    origin = peer.url.removesuffix("/callback")
    [context] = re.findall(
        rf"^curl -H 'Authorization: Bearer k3y' '{origin}/operations/([^/]+)'$", output, re.M
    )
    assert unquote(context).encode() in b"".join(post.body for post in peer.posts)


def test_without_a_query_key_there_is_no_hint(peer: Peer, key_file: Path) -> None:
    assert "curl" not in run(peer, key_file, "--calls", "1").output


def test_a_taken_issuer_port_names_the_option(peer: Peer, key_file: Path, issuer: Issuer) -> None:
    port = issuer.metadata_url.split(":")[2].split("/")[0]
    result = run(peer, key_file, "--issuer-port", port)
    assert result.exit_code == 1
    assert "--issuer-port" in result.output


def test_a_malformed_key_file_exits_with_1(peer: Peer, tmp_path: Path) -> None:
    path = tmp_path / "not-a-key"
    path.write_text("no")
    result = run(peer, path)
    assert result.exit_code == 1
    assert "can't be used" in result.output


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host/", "http://", "/callback"])
def test_a_malformed_address_exits_with_2(url: str) -> None:
    result = CliRunner().invoke(simulate, [url])
    assert result.exit_code == 2
    assert "http://127.0.0.1:8000/callback" in result.output


def test_ctrl_c_prints_the_summary(peer: Peer, key_file: Path) -> None:
    process = start(peer, key_file, "--speed", "1")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0, output
    assert "Stopped." in output
    assert "Sent " in output
    assert "Traceback" not in output


def test_until_parent_exits_stops_at_the_end_of_input(peer: Peer, key_file: Path) -> None:
    process = start(peer, key_file, "--speed", "1", "--until-parent-exits")
    output, _ = process.communicate(timeout=10)  # closes its standard input
    assert process.returncode == 0, output
    assert "Sent " in output


def test_graph_port_accepts_invitations(peer: Peer, key_file: Path) -> None:
    options = ["--graph-port", "0", "--outcome", "unanswered", "--speed", "1000", "--until-parent-exits"]
    process = start(peer, key_file, *options)
    assert process.stdin
    assert process.stdout
    line = next(line for line in process.stdout if line.startswith("Invitations"))
    url = line.removeprefix("Invitations are accepted at ").strip()
    answer = urllib3.request(
        "POST",
        f"{url}/communications/calls/c/participants/invite",
        json={"participants": [{"identity": {}}], "clientContext": "a bot's"},
        headers={"Authorization": "Bearer any"},
    )
    assert answer.status == 200
    line = next(line for line in process.stdout if "invited failed" in line)
    assert re.search(r"a bot's +202 ", line)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0, output


def test_a_taken_graph_port_exits_with_1(peer: Peer, key_file: Path, issuer: Issuer) -> None:
    port = issuer.metadata_url.split(":")[2].split("/")[0]
    result = run(peer, key_file, "--graph-port", port)
    assert result.exit_code == 1
    assert "Error: The invite API can't be served: " in result.output


@pytest.mark.parametrize("end", ["", "/"])
def test_an_address_without_a_path_gets_callback(peer: Peer, key_file: Path, end: str) -> None:
    origin = peer.url.rpartition("/callback")[0]
    fixed = ["--speed", "0", "--calls", "1", "--issuer-port", "0", "--key-file", str(key_file)]
    played = CliRunner().invoke(simulate, [f"{origin}{end}", *fixed])
    assert played.exit_code == 0
    assert {post.path for post in peer.posts} == {"/callback"}
    assert f"Notifications go to {origin}/callback, since the address has no path." in played.stderr
