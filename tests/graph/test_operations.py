"""Operations: their types, names and members."""

from typing import Any

import pytest

from receiver.graph.updates import OperationUpdate
from tests.support.graph_reading import TENANT, members, read, read_operation
from tests.support.notifications import CALL, OPERATION, call, item, operation, roster

PARTICIPANT = {
    "@odata.type": "#microsoft.graph.invitationParticipantInfo",
    "identity": {
        "user": {"id": "u1", "displayName": "Ann", "tenantId": None, "identityProvider": "AAD", "new": 1},
        "phone": {"id": "+15550100"},
        "application": None,
        "guest": None,
    },
    "hidden": None,
    "participantId": "p1",
    "removeFromDefaultAudioRoutingGroup": False,
    "replacesCallId": None,
    "endpointType": "default",
}


def test_operation_is_parsed_completely() -> None:
    update = read_operation(operation(participants=[PARTICIPANT], resultInfo={"code": 200}))
    assert update == OperationUpdate(
        client_context="invite-1",
        call_id=CALL,
        operation_id=OPERATION,
        tenant_id=TENANT,
        type="inviteParticipantsOperation",
        status="completed",
        rank=2,
        members=update.members,
    )
    assert members(update) == {"participants": [PARTICIPANT], "resultInfo": {"code": 200}}


def test_tenant_is_the_tokens_not_the_bodys() -> None:
    assert read_operation(operation(tenantId="other")).tenant_id == TENANT


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("#microsoft.graph.playPromptOperation", "playPromptOperation"),
        ("microsoft.graph.playPromptOperation", "playPromptOperation"),
        ("#Microsoft.Graph.PlayPromptOperation", "playPromptOperation"),
        ("MICROSOFT.GRAPH.PLAYPROMPTOPERATION", "playPromptOperation"),
        ("#playPromptOperation", "playPromptOperation"),
        ("#microsoft.graph.commsOperation", "commsOperation"),
        ("#microsoft.graph.danceOperation", "danceOperation"),
        ("#microsoft.graph.DanceOPERATION", "DanceOPERATION"),
        ("#fabrikam.danceOperation", "fabrikam.danceOperation"),
    ],
)
def test_operation_is_recognised_by_its_type(written: str, kind: str) -> None:
    resource = {**operation()["resourceData"], "@odata.type": written}
    update = read_operation(item(f"/communications/calls/{CALL}", resource))
    assert (update.type, update.status, update.call_id) == (kind, "completed", CALL)


@pytest.mark.parametrize(
    ("type_member", "kind"),
    [
        pytest.param({}, "", id="no type"),
        pytest.param({"@odata.type": None}, "", id="null"),
        pytest.param({"@odata.type": ""}, "", id="empty"),
        pytest.param({"@odata.type": 5}, "", id="a number"),
        pytest.param({"@odata.type": "#microsoft.graph.dance"}, "dance", id="another word"),
    ],
)
def test_operation_is_recognised_by_its_address(type_member: dict[str, Any], kind: str) -> None:
    resource = {"clientContext": "c", "status": "failed", **type_member}
    update = read_operation(item(f"/app/calls/{CALL}/operations/{OPERATION}", resource))
    assert (update.type, update.status, update.operation_id) == (kind, "failed", OPERATION)


@pytest.mark.parametrize(
    ("written", "status", "rank"),
    [
        ("NotStarted", "notStarted", 0),
        ("Running", "running", 1),
        ("Completed", "completed", 2),
        ("Failed", "failed", 2),
        ("UnknownFutureValue", "UnknownFutureValue", 1),
        ("auf Eis\n", "auf Eis\n", 1),
        ("", "", 1),
        (None, "", 1),
    ],
)
def test_status_is_case_insensitive_and_may_be_unknown(written: str | None, status: str, rank: int) -> None:
    sent = operation()
    sent["resourceData"]["status"] = written
    update = read_operation(sent)
    assert (update.status, update.rank) == (status, rank)


def test_missing_status_ranks_as_running() -> None:
    update = read_operation(operation(status=None))
    assert (update.status, update.rank) == ("", 1)


@pytest.mark.parametrize(
    "client_context",
    [
        pytest.param("x" * 256, id="256 characters"),
        pytest.param("\U0001f600" * 256, id="256 characters beyond the first plane"),
        pytest.param("None", id="the word None"),
        pytest.param("null", id="the word null"),
        pytest.param("a/b:*{}[]?&#%2F\\\"'", id="punctuation"),
        pytest.param("../..", id="dots"),
        pytest.param(" \t\r\n", id="white space"),
        pytest.param("a\0b", id="NUL"),
        pytest.param("\u202e\u200b\u0646\u0635", id="from right to left"),
        pytest.param("main", id="a constant"),
        pytest.param(CALL.upper(), id="a GUID, which stays as it was chosen"),
    ],
)
def test_client_context_is_kept_unchanged(client_context: str) -> None:
    assert read_operation(operation(cc=client_context)).client_context == client_context


@pytest.mark.parametrize(
    "resource",
    [
        pytest.param({}, id="absent"),
        pytest.param({"clientContext": None}, id="null"),
        pytest.param({"clientContext": ""}, id="empty"),
    ],
)
def test_operation_without_client_context_has_its_call(resource: dict[str, Any]) -> None:
    update = read_operation(
        item(f"/communications/calls/{CALL}/operations/{OPERATION}", {"status": "completed", **resource})
    )
    assert (update.client_context, update.call_id, update.operation_id) == ("", CALL, OPERATION)


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        ("inviteParticipantsOperation", {"participants": [PARTICIPANT]}),
        ("inviteParticipantsOperation", {"participants": []}),
        (
            "playPromptOperation",
            {
                "prompts": [{"mediaInfo": {"uri": "https://x.test/a.wav"}}],
                "completionReason": "mediaCompleted",
            },
        ),
        (
            "recordOperation",
            {
                "recordingLocation": "https://x.test/r",
                "recordingAccessToken": "secret",
                "completionReason": "stopToneDetected",
            },
        ),
        ("sendDtmfTonesOperation", {"completionReason": "mediaOperationCanceled"}),
        ("startHoldMusicOperation", {}),
        ("stopHoldMusicOperation", {}),
        ("addLargeGalleryViewOperation", {}),
        ("commsOperation", {}),
        ("cancelMediaProcessingOperation", {}),
        ("subscribeToToneOperation", {}),
        ("muteParticipantOperation", {}),
        ("muteParticipantsOperation", {"participants": ["p1", "p2"]}),
        ("unmuteParticipantOperation", {}),
        ("updateRecordingStatusOperation", {}),
        ("startRecordingOperation", {}),
        ("stopRecordingOperation", {}),
        ("startTranscriptionOperation", {}),
        ("someDayOperation", {"anything": {"at": ["all", 1, None]}}),
    ],
)
def test_each_type_keeps_its_members(kind: str, own: dict[str, Any]) -> None:
    update = read_operation(operation(type=kind, **own))
    assert (update.type, members(update)) == (kind, own)
    nulls: dict[str, Any] = dict.fromkeys(own)
    assert members(read_operation(operation(type=kind, **nulls))) == nulls


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        ("inviteParticipantsOperation", {"participants": "Ann"}),
        ("inviteParticipantsOperation", {"participants": [PARTICIPANT, 5]}),
        ("inviteParticipantsOperation", {"participants": [{"identity": "Ann", "hidden": "perhaps"}]}),
        ("inviteParticipantsOperation", {"participants": [{"identity": {"user": {"id": 5, "new": [1]}}}]}),
        ("inviteParticipantsOperation", {"participants": {"identity": {}}}),
        ("playPromptOperation", {"prompts": "x", "completionReason": 5}),
        ("playPromptOperation", {"prompts": [None, 1]}),
        ("recordOperation", {"recordingLocation": {"url": "x"}, "recordingAccessToken": 7}),
        ("sendDtmfTonesOperation", {"completionReason": ["x"]}),
        ("muteParticipantsOperation", {"participants": [{"id": "p1"}]}),
    ],
)
def test_invalid_minor_member_is_kept_unchanged(kind: str, own: dict[str, Any]) -> None:
    update = read_operation(operation(type=kind, resultInfo={"code": "200"}, **own))
    assert update.status == "completed"
    assert members(update) == {"resultInfo": {"code": 200}, **own}


def test_call_keeps_invalid_members() -> None:
    own: dict[str, Any] = {
        "targets": "Ann",
        "meetingInfo": 5,
        "source": {"identity": []},
        "resultInfo": "x",
        "tenantId": 5,
    }
    notification = read(call("Hold", **own))
    [update] = notification.updates
    assert not isinstance(update, OperationUpdate)
    assert (update.tenant_id, members(update)) == (TENANT, own)  # type: ignore[arg-type]


def test_roster_keeps_invalid_members() -> None:
    odd = {"id": 5, "info": "Ann", "mediaStreams": {}, "isMuted": "perhaps"}
    [update] = read(roster(odd)).updates
    assert update.participants == (  # type: ignore[union-attr]
        '[{"@odata.type":"#microsoft.graph.participant","id":5,"info":"Ann","isMuted":"perhaps",'
        '"mediaStreams":{}}]'
    )


def test_items_of_all_kinds_keep_their_order() -> None:
    sharing = item(f"/communications/calls/{CALL}/contentsharingsessions", [], "created")
    notification = read(operation(cc="a"), 5, call(), sharing, roster(), operation(cc="b"), {})
    assert [type(update).__name__ for update in notification.updates] == [
        "OperationUpdate",
        "CallUpdate",
        "RosterUpdate",
        "OperationUpdate",
    ]
    assert len(notification.unreadable) == 2
    assert notification.ignored == ("contentsharingsessions",)
