"""The example, run with a real receiver, and the simulator in place of Graph."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from random import Random

import pytest
from click.testing import CliRunner, Result

from receiver.examples.invite import main
from receiver.simulator.invite_api import InviteAPI
from receiver.simulator.issuer import Issuer
from receiver.simulator.notification_sender import Sender
from tests.support.notifications import CALL
from tests.support.service import ALL, APP_ID, READ, TENANT, Service, free_port

PERSON = "+12065550100"

MakeGraph = Callable[..., str]


@pytest.fixture
def make_graph(service: Service, issuer: Issuer) -> Iterator[MakeGraph]:
    """Start the simulator's invite API, and return its address."""
    with ExitStack() as stack:

        def make(outcome: str, speed: float = 0) -> str:
            sender = Sender(f"{service.address}/callback", issuer, audience=APP_ID, tenant_id=TENANT)
            api = InviteAPI(sender, Random(1), outcome=outcome, speed=speed, on_posted=lambda *_: None)
            return stack.enter_context(api).url

        yield make


def run(service: Service, graph: str, *arguments: str, key: str = ALL) -> Result:
    environment = {"GRAPH_TOKEN": "any", "RECEIVER_URL": service.address, "RECEIVER_KEY": key}
    return CliRunner().invoke(main, ["--graph", graph, CALL, PERSON, *arguments], env=environment)


@pytest.mark.parametrize(
    ("outcome", "words", "status"),
    [
        ("completed", r"is in the call, \d+\.\d s after the invitation\.", 0),
        ("unanswered", r"is not in the call: Nobody answered \(408/10057\), after \d+\.\d s\.", 1),
        ("no-number", r"is not in the call: The app has no phone number to call from \(403/10151\)", 1),
        ("service-failed", r"is not in the call: Microsoft's service failed \(500/7101\)", 1),
    ],
)
def test_invite_prints_the_result(
    service: Service, make_graph: MakeGraph, outcome: str, words: str, status: int
) -> None:
    output = run(service, make_graph(outcome, speed=100))
    [invited, answered, result] = output.output.splitlines()
    client_context = re.fullmatch(rf"Inviting {re.escape(PERSON)}, as ([0-9a-f-]{{36}})\.", invited)
    assert client_context
    assert answered == "Graph says Running. Waiting for the result."
    assert re.match(rf"{re.escape(PERSON)} {words}", result), result
    assert output.exit_code == status
    [kept] = service.get(f"/operations?clientContext={client_context[1]}").json["operations"]
    assert (kept["callId"], kept["done"]) == (CALL, True)


def test_invite_gets_a_result_older_than_its_registration(service: Service, make_graph: MakeGraph) -> None:
    assert "Nobody answered (408/10057)" in run(service, make_graph("unanswered", speed=0)).output


def test_invite_without_a_result_exits_with_1(service: Service, make_graph: MakeGraph) -> None:
    output = run(service, make_graph("never"), "--timeout", "1")
    assert output.exit_code == 1
    [kept] = service.get("/operations").json["operations"]
    assert (kept["callId"], kept["status"]) == (CALL, "running")
    assert kept["operation"]["participants"][0]["endpointType"] is None, "Graph's answer was registered"
    assert output.output.endswith(
        f"{PERSON}: no result yet. It may still come; ask the receiver again later.\n"
    )


def test_invite_prints_errors(service: Service, make_graph: MakeGraph) -> None:
    graph = make_graph("completed")
    for output, message in (
        (run(service, f"http://127.0.0.1:{free_port()}"), "Error: Graph does not answer: "),
        (run(service, f"{graph}/elsewhere"), "Error: Graph refuses: 404 "),
        (run(service, graph, key=READ), "Error: 403 The API key lacks a scope: "),
        (run(service, graph, "--url", f"http://127.0.0.1:{free_port()}"), "does not answer: "),
    ):
        assert output.exit_code == 1
        assert message in output.stderr


def test_invite_runs_as_documented(service: Service, make_graph: MakeGraph) -> None:
    options = ["--token", "any", "--url", service.address, "--key", ALL, "--graph", make_graph("completed")]
    ran = subprocess.run(
        [sys.executable, "-m", "receiver.examples.invite", CALL, PERSON, *options],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{PERSON} is in the call" in ran.stdout
    assert ran.stderr == ""
