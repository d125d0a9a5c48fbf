"""Words for the results of operations, by Graph's codes and completion reasons."""

import pytest

from receiver.graph.json_codec import JSON, dump
from receiver.graph.results import Result, result_of


def result(status: str, **members: JSON) -> Result | None:
    return result_of(status, {name: dump(value) for name, value in members.items()})


@pytest.mark.parametrize(
    ("code", "subcode", "text"),
    [
        (408, 10057, "Nobody answered"),
        (403, 10151, "The app has no phone number to call from"),
        (480, 1, "Could not be reached"),
        (418, 0, "Refused"),
        (599, 0, "Microsoft's service failed"),
        (200, 0, "Failed"),
    ],
)
def test_result_of_a_failure_is_named_by_its_code(code: int, subcode: int, text: str) -> None:
    info: JSON = {"code": code, "subcode": subcode, "message": "m"}
    assert result("failed", resultInfo=info) == Result(text, "bad", code, subcode, "m")


@pytest.mark.parametrize(
    ("status", "reason", "text", "tone"),
    [
        ("completed", "maxSilenceTimeout", "Ended after silence", "good"),
        ("Completed", "mediaOperationCanceled", "Cancelled before the end", "warn"),
        ("failed", "maxSilenceTimeout", "Failed", "bad"),
        ("failed", "playPromptFailed", "The prompt could not be played", "bad"),
        ("completed", "someNewReason", "Some new reason", "idle"),
        ("completed", "", "Succeeded", "good"),
        ("completed", None, "Succeeded", "good"),
    ],
)
def test_result_is_named_by_its_completion_reason(
    status: str, reason: str | None, text: str, tone: str
) -> None:
    found = result(status, completionReason=reason)
    assert found
    assert (found.text, found.tone, found.number) == (text, tone, "")


@pytest.mark.parametrize("status", ["", "running", "notStarted", "new"])
def test_result_of_an_unfinished_operation_is_none(status: str) -> None:
    assert result(status, resultInfo={"code": 408, "subcode": 10057}) is None


@pytest.mark.parametrize("code", [True, "408", 408.0, 1 << 70, None, [408]])
def test_result_with_an_odd_code_has_none(code: JSON) -> None:
    assert result("failed", resultInfo={"code": code}) == Result("Failed", "bad")


@pytest.mark.parametrize("info", [None, "408", [], 408])
def test_result_without_result_info_has_words(info: JSON) -> None:
    assert result("failed", resultInfo=info) == Result("Failed", "bad")


@pytest.mark.parametrize(
    ("code", "subcode", "number"),
    [(408, 10057, "408/10057"), (200, 0, "200/0"), (500, None, "500"), (None, None, "")],
)
def test_result_number_joins_code_and_subcode(code: int | None, subcode: int | None, number: str) -> None:
    assert Result("", "bad", code, subcode).number == number
