"""Limits and fixed lengths of what is stored. Each is written here and nowhere else.

`scripts.py` passes those in `SCRIPT_CONSTANTS` on to the Lua scripts as local variables of the same names. Changing a
limit needs no migration: longer lists are cut at the next update. Changing a width or a length makes stored values
unreadable.
"""

from typing import Final

from receiver.graph.sequence_numbers import WIDTH

FEED_LENGTH: Final = 10_000
"""Entries that the feed holds at least. A client that is further behind gets `reset`."""

CHANGES_LENGTH: Final = 10_000
"""Change notifications that are stored at least."""

QUARANTINE_LENGTH: Final = 1_000
"""Quarantined items that are stored at least; each takes up to the size of a request."""

MAX_TONES: Final = 100
"""Tones of a call record: the last ones, in the order of their numbers."""

MAX_PARTICIPANT_NOTIFICATIONS: Final = 100
"""Notifications of participants that join or have left, of one call: the last to arrive."""

CANDIDATE_RECORDS: Final = 16
"""Records that an update is compared with, of each index. Keeps an update under a constant client context cheap."""

CONTEXT_RECORDS_READ: Final = 100
"""Newest records of a client context that are looked at to find its latest operation; others are only counted."""

FINGERPRINTS: Final = 32
"""Last updates of a record by whose fingerprints a duplicate is known."""

FINGERPRINT_LENGTH: Final = 8
"""Characters of a fingerprint."""

NOTIFICATIONS_REMEMBERED: Final = 8
"""Last notifications of a record by whose ids a repeated write is known; as many may share one round trip."""

NOTIFICATION_SECONDS: Final = 600
"""How long the id of a notification that was appended to a stream is kept, to know a repeated write."""

UNREADABLE_DUE_AGAIN_SECONDS: Final = 600
"""When an unreadable record that is due is looked at again, perhaps by a receiver that can read it."""

NUMBER_WIDTH: Final = WIDTH
"""Digits of a sequence number in a stored participant."""

PLACE_WIDTH: Final = 7
"""Digits of a participant's place in its update, in a stored participant."""

ITEMS_PER_SCRIPT: Final = 100
"""Items or records of one script call. The server answers no other client while a script runs."""

ENTRIES_PER_DELETION: Final = 1_000
"""Entries of a stream that one script call searches for a call id: some milliseconds."""

ENTRIES_PER_LISTING: Final = 50
"""Quarantined items that one script call lists. It reads their texts inside the store, each of up to a megabyte."""

EVENTS_PER_READ: Final = 500
"""Entries of the feed that one read returns."""

RECORDS_PER_READ: Final = 200
"""Records that a list reads in one round trip."""

RECORDS_PER_PAGE: Final = 5_000
"""Records that one page of a list looks at: with a filter that few records pass, a page is short rather than slow."""

SCRIPT_CONSTANTS: Final[dict[str, int]] = {
    "FEED_LENGTH": FEED_LENGTH,
    "CHANGES_LENGTH": CHANGES_LENGTH,
    "QUARANTINE_LENGTH": QUARANTINE_LENGTH,
    "MAX_TONES": MAX_TONES,
    "MAX_PARTICIPANT_NOTIFICATIONS": MAX_PARTICIPANT_NOTIFICATIONS,
    "CANDIDATE_RECORDS": CANDIDATE_RECORDS,
    "CONTEXT_RECORDS_READ": CONTEXT_RECORDS_READ,
    "FINGERPRINTS": FINGERPRINTS,
    "FINGERPRINT_LENGTH": FINGERPRINT_LENGTH,
    "NOTIFICATIONS_REMEMBERED": NOTIFICATIONS_REMEMBERED,
    "NOTIFICATION_SECONDS": NOTIFICATION_SECONDS,
    "UNREADABLE_DUE_AGAIN_SECONDS": UNREADABLE_DUE_AGAIN_SECONDS,
    "NUMBER_WIDTH": NUMBER_WIDTH,
    "PLACE_WIDTH": PLACE_WIDTH,
}
"""The limits that scripts use, by the names that they have there."""
