"""The example as a newcomer runs it: a real receiver, and the simulator in the place of Graph."""

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

WHO = "+12065550100"

MakeGraph = Callable[..., str]


@pytest.fixture
def make_graph(service: Service, issuer: Issuer) -> Iterator[MakeGraph]:
    """Start what stands in for Graph, and return its address."""
    with ExitStack() as stack:

        def make(ending: str, speed: float = 0) -> str:
            sender = Sender(f"{service.address}/callback", issuer, audience=APP_ID, tenant_id=TENANT)
            api = InviteAPI(sender, Random(1), ending=ending, speed=speed, told=lambda *_: None)
            return stack.enter_context(api).url

        yield make


def run(service: Service, graph: str, *arguments: str, key: str = ALL) -> Result:
    environment = {"GRAPH_TOKEN": "any", "RECEIVER_URL": service.address, "RECEIVER_KEY": key}
    return CliRunner().invoke(main, ["--graph", graph, CALL, WHO, *arguments], env=environment)


@pytest.mark.parametrize(
    ("ending", "words", "status"),
    [
        ("completed", r"is in the call, \d+\.\d s after the invitation\.", 0),
        ("unanswered", r"is not in the call: Nobody answered \(408/10057\), after \d+\.\d s\.", 1),
        ("no-number", r"is not in the call: The app has no phone number to call from \(403/10151\)", 1),
        ("service-failed", r"is not in the call: Microsoft's service failed \(500/7101\)", 1),
    ],
)
def test_it_says_what_came_of_the_invitation(
    service: Service, make_graph: MakeGraph, ending: str, words: str, status: int
) -> None:
    told = run(service, make_graph(ending, speed=100))
    [asked, answered, result] = told.output.splitlines()
    client_context = re.fullmatch(rf"Inviting {re.escape(WHO)}, as ([0-9a-f-]{{36}})\.", asked)
    assert client_context
    assert answered == "Graph says Running. Waiting for the result."
    assert re.match(rf"{re.escape(WHO)} {words}", result), result
    assert told.exit_code == status
    [kept] = service.get(f"/operations?clientContext={client_context[1]}").json["operations"]
    assert (kept["callId"], kept["done"]) == (CALL, True)


def test_it_loses_no_result_that_comes_before_it_has_registered(
    service: Service, make_graph: MakeGraph
) -> None:
    assert "Nobody answered (408/10057)" in run(service, make_graph("unanswered", speed=0)).output


def test_it_says_when_nothing_has_come(service: Service, make_graph: MakeGraph) -> None:
    told = run(service, make_graph("never"), "--timeout", "1")
    assert told.exit_code == 1
    [kept] = service.get("/operations").json["operations"]
    assert (kept["callId"], kept["status"]) == (CALL, "running")
    assert kept["operation"]["participants"][0]["endpointType"] is None, "Graph's answer was registered"
    assert told.output.endswith(f"{WHO}: no result yet. It may still come; ask the receiver again later.\n")


def test_it_says_what_is_wrong(service: Service, make_graph: MakeGraph) -> None:
    graph = make_graph("completed")
    for told, complaint in (
        (run(service, f"http://127.0.0.1:{free_port()}"), "Error: Graph does not answer: "),
        (run(service, f"{graph}/elsewhere"), "Error: Graph refuses: 404 "),
        (run(service, graph, key=READ), "Error: 403 The API key lacks a scope: "),
        (run(service, graph, "--url", f"http://127.0.0.1:{free_port()}"), "does not answer: "),
    ):
        assert told.exit_code == 1
        assert complaint in told.stderr


def test_it_runs_as_its_first_lines_say(service: Service, make_graph: MakeGraph) -> None:
    options = ["--token", "any", "--url", service.address, "--key", ALL, "--graph", make_graph("completed")]
    ran = subprocess.run(
        [sys.executable, "-m", "receiver.examples.invite", CALL, WHO, *options],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{WHO} is in the call" in ran.stdout
    assert ran.stderr == ""
