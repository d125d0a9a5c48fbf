"""Small builders of what Graph posts."""

from typing import Any

CALL = "57dab8b1-894c-409a-b240-bd8beae78896"
OPERATION = "0fe0623f-d628-42ed-b4bd-8ac290072cc5"
JOINING = {
    "@odata.type": "#microsoft.graph.participantJoiningNotification",
    "call": {"@odata.type": "#microsoft.graph.call", "id": CALL, "state": "incoming"},
}
"""A policy asks for a recording: Graph reports that a participant joins."""


def operation(
    *,
    cc: str | None = "invite-1",
    status: str | None = "completed",
    call: str = CALL,
    op: str = OPERATION,
    type: str = "inviteParticipantsOperation",  # noqa: A002 - Graph's word
    change_type: str = "deleted",
    **members: Any,
) -> dict[str, Any]:
    resource: dict[str, Any] = {"@odata.type": f"#microsoft.graph.{type}", "clientContext": cc, "id": op}
    if status is not None:
        resource["status"] = status
    return item(f"/communications/calls/{call}/operations/{op}", {**resource, **members}, change_type)


def call(
    state: str | None = "established", *, change_type: str = "updated", **members: Any
) -> dict[str, Any]:
    resource = {"@odata.type": "#microsoft.graph.call", **({"state": state} if state else {}), **members}
    return item(f"/communications/calls/{CALL}", resource, change_type)


def roster(*participants: dict[str, Any]) -> dict[str, Any]:
    typed = [{"@odata.type": "#microsoft.graph.participant", **one} for one in participants]
    return item(f"/communications/calls/{CALL}/participants", typed, "updated")


def participant(number: int) -> dict[str, Any]:
    """A participant with all that Graph writes of one, nulls included."""
    kinds = ("audio", "video", "videoBasedScreenSharing", "data")
    names = ("application", "device", "phone", "guest", "encrypted")
    user = {
        "@odata.type": "#microsoft.graph.identity",
        "displayName": f"Given Name {number}",
        "id": f"{number:08}-1111-2222-3333-444444444444",
        "tenantId": CALL,
        "identityProvider": "AAD",
    }
    identity = {"@odata.type": "#microsoft.graph.identitySet", **dict.fromkeys(names), "user": user}
    streams = [
        {
            "@odata.type": "#microsoft.graph.mediaStream",
            "direction": "sendReceive",
            "label": f"main-{kind}",
            "mediaType": kind,
            "serverMuted": False,
            "sourceId": str(number),
        }
        for kind in kinds
    ]
    info = {
        "@odata.type": "#microsoft.graph.participantInfo",
        "endpointType": "default",
        "identity": identity,
    }
    more = ("metadata", "recordingInfo", "removedState", "restrictedExperience", "preferredDisplayName")
    return {
        "@odata.type": "#microsoft.graph.participant",
        "id": f"{number:08}-5555-6666-7777-888888888888",
        "info": {**info, "languageId": "en-US", "region": None, "countryCode": None, "platformId": None},
        "isMuted": True,
        "isInLobby": False,
        "isIdentityAnonymized": False,
        "mediaStreams": streams,
        "rosterSequenceNumber": number,
        **dict.fromkeys(more),
    }


def delta(number: int | None, *participants: dict[str, Any]) -> dict[str, Any]:
    """A delta roster, as it comes where the app has set `isDeltaRosterEnabled`."""
    typed = [{"@odata.type": "#microsoft.graph.participant", **one} for one in participants]
    changed = {
        "@odata.type": "#microsoft.graph.deltaParticipants",
        "participants": typed,
        "sequenceNumber": number,
    }
    return item(f"/communications/calls/{CALL}/participants", [changed], "updated")


def item(url: str, resource: Any, change_type: str = "deleted") -> dict[str, Any]:
    return {
        "@odata.type": "#microsoft.graph.commsNotification",
        "changeType": change_type,
        "resourceUrl": url,
        "resourceData": resource,
    }
