"""The client contexts of the golden data."""

TYPES = (
    "inviteParticipantsOperation",
    "playPromptOperation",
    "recordOperation",
    "sendDtmfTonesOperation",
    "startHoldMusicOperation",
    "stopHoldMusicOperation",
    "addLargeGalleryViewOperation",
    "commsOperation",
    "cancelMediaProcessingOperation",
    "subscribeToToneOperation",
    "muteParticipantOperation",
    "muteParticipantsOperation",
    "unmuteParticipantOperation",
    "updateRecordingStatusOperation",
    "startTranscriptionOperation",
)

ODD = 'a/b:c*{0} d\n"é\u202e\U0001f4de'
"""Every character that could end a key, a path or a line too early."""

OTHERS = (
    *(
        f"status-{status}"
        for status in ("notStarted", "running", "completed", "failed", "somethingNew", None)
    ),
    "no-op",
    "no-call",
    "registered",
    "deadline-far",
    "from-response",
    "overdue",
    "conflict",
    "57dab8b1-894c-409a-b240-bd8beae78896",
    "secret",
    ODD,
)
