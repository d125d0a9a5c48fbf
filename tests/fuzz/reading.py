"""Reading a body in every way that there is."""

from receiver.errors import InvalidEnvelopeError, InvalidJSONError, InvalidOperationError
from receiver.graph.call_notifications import is_old_skype_call, read_notification, read_response
from receiver.graph.change_notifications import read_changes
from receiver.graph.json_codec import dump, parse
from receiver.graph.privacy import redact, without_secrets
from tests.support.graph_reading import TENANT
from tests.support.odd_notifications import check, first_resource


def look(body: bytes) -> None:
    """Read a body in every way that there is; raise where a reader does what it should not."""
    try:
        document = parse(body)
    except InvalidJSONError:
        return
    is_old_skype_call(document)
    try:
        check(read_notification(document, TENANT))
    except InvalidEnvelopeError:
        assert not (isinstance(document, dict) and isinstance(document.get("value"), list))
    try:
        for change in read_changes(document, lambda _: True):
            assert dump(parse(change.text.encode())) == change.text
            redact(change.text)
            without_secrets(change.text)
    except InvalidEnvelopeError:
        pass
    try:
        update = read_response(first_resource(document), "invite-1")
    except InvalidOperationError:
        return
    assert update.client_context == "invite-1"
