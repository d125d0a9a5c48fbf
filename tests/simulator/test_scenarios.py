import json
import re
from collections import Counter
from random import Random
from typing import Any

import pytest

from receiver.simulator.scenarios import Call, Expectation, Step, invent_call
from tests.simulator.verifying import APP, TENANT

CALLS = [invent_call(Random(seed), tenant_id=TENANT, app_id=APP) for seed in range(150)]
STEPS = [step for call in CALLS for step in call.steps]
TEXT = json.dumps([step.envelope for step in STEPS])


def items(step: Step) -> list[Any]:
    envelope: dict[str, Any] = step.envelope or {}
    return envelope.get("value") or []


def data(step: Step) -> dict[str, Any]:
    content = items(step)[0]["resourceData"]
    resource: dict[str, Any] = content[0] if isinstance(content, list) else content
    return resource


def url(step: Step) -> str:
    return str(items(step)[0].get("resourceUrl") or items(step)[0]["resource"])


def expectation(step: Step) -> Expectation:
    assert step.expectation
    return step.expectation


def plain(guid: str) -> str:
    return guid.replace("-", "").lower()


def test_the_same_seed_gives_the_same_call() -> None:
    assert invent_call(Random(7), tenant_id=TENANT, app_id=APP) == CALLS[7]


def test_every_operation_has_one_result_under_deleted() -> None:
    for call in CALLS:
        expected = {step.expectation for step in call.steps if step.expectation}
        results = [step for step in call.steps if step.final]
        assert Counter(step.expectation for step in results) == dict.fromkeys(expected, 1)
        for step in results:
            assert items(step)[0]["changeType"].lower() == "deleted"
            assert data(step)["status"] == expectation(step).status
            assert expectation(step).status in {"completed", "failed"}


def test_an_operations_url_agrees_with_its_body() -> None:
    for step in (step for step in STEPS if step.expectation):
        segments = re.sub(r"\('([^']+)'\)", r"/\1", url(step))
        ids = re.search(r"calls/([^/]+)/operations/([^/]+)$", segments)
        assert ids
        expected = expectation(step)
        assert plain(ids[1]) == plain(expected.call_id)
        assert plain(ids[2]) == plain(expected.operation_id)
        assert data(step).get("id", expected.operation_id) == expected.operation_id
        assert (data(step).get("clientContext") or None) == expected.client_context
        assert data(step)["@odata.type"].removeprefix("#") == f"microsoft.graph.{expected.type}"


def test_running_precedes_the_result() -> None:
    running = 0
    for call in CALLS:
        finished = set()
        for step in (step for step in call.steps if step.expectation):
            if step.final:
                finished.add(step.expectation)
            else:
                running += 1
                assert step.expectation not in finished
                assert data(step)["status"].lower() == "running"
                assert items(step)[0]["changeType"].lower() == "updated"
    assert 0 < running < len([step for step in STEPS if step.final]) / 2


def test_operation_ids_are_unique() -> None:
    ids = [one.operation_id for call in CALLS for one in call.expectations]
    assert len(set(ids)) == len(ids)


def test_an_unanswered_invitation_fails_late() -> None:
    for call in CALLS:
        at = 0.0
        for step in call.steps:
            at += step.delay
            if step.final and data(step).get("resultInfo", {}).get("code") in {408, "408"}:
                assert expectation(step).status == "failed"
                assert at > 60


def test_a_call_is_established_and_ends() -> None:
    for call in CALLS:
        assert sum(step.title == "call established" for step in call.steps) > 1
        assert call.steps[-1].title == "call ended"
        assert items(call.steps[-1])[0]["changeType"].lower() == "deleted"
        assert all(step.delay >= 0 for step in call.steps)
        assert 15 < sum(step.delay for step in call.steps) < 110


@pytest.mark.parametrize(
    "form",
    [
        '"resourceUrl": "communications/',
        '"@odata.id"',
        '"#microsoft.graph.commsOperation"',
        '"#microsoft.graph.recordOperation"',
        '"recordingAccessToken"',
        '"#microsoft.graph.sendDtmfTonesOperation"',
        '"code": "200"',
        '"microsoft.graph.',
        '"changeType": "Deleted"',
        "/contentsharingsessions",
        "/operations/participants",
        '"isMuted": true',
        '"toneInfo"',
        '"#microsoft.graph.deltaParticipants"',
        "calls('",
        "')/operations('",
        '"callState": "incoming"',
        '"meetingInfo"',
        '"clientContext": null',
        '"clientContext": ""',
    ],
)
def test_all_known_forms_are_sent(form: str) -> None:
    assert form in TEXT


def test_links_and_ids_have_all_forms() -> None:
    sent = [item for step in STEPS for item in items(step)]
    assert {("resource" in item, "resourceUrl" in item) for item in sent} == {
        (True, True),
        (True, False),
        (False, True),
    }
    assert re.search(r"calls/[0-9A-F]{32}", TEXT)


def test_roster_deltas_are_numbered_and_have_changes_only() -> None:
    for call in CALLS:
        deltas = [
            resource
            for step in call.steps
            for item in items(step)
            for resource in (item["resourceData"] if isinstance(item["resourceData"], list) else [])
            if resource["@odata.type"].endswith("deltaParticipants")
        ]
        numbers = [delta["sequenceNumber"] for delta in deltas]
        assert sorted(numbers) == list(range(1, len(numbers) + 1))
        assert all(len(delta["participants"]) <= 2 for delta in deltas)


def test_empty_bodies_occur() -> None:
    assert any(step.envelope is None for step in STEPS)


def test_client_contexts_are_mostly_unique() -> None:
    def contexts(call: Call) -> list[str | None]:
        return [one.client_context for one in call.expectations]

    assert sum(len(set(contexts(call))) == len(contexts(call)) for call in CALLS) > len(CALLS) / 2
    assert any(set(contexts(call)) == {call.call_id} for call in CALLS)
    assert any(None in contexts(call) for call in CALLS)
    assert any("/" in (context or "") for call in CALLS for context in contexts(call))


def test_all_numbers_are_reserved_for_fiction() -> None:
    numbers = re.findall(r"\+\d+", TEXT)
    assert numbers
    assert all(re.fullmatch(r"\+1\d{3}55501\d\d", number) for number in numbers)
