"""`/livez` and `/readyz`: is this process alive, and can it do its work?"""

from typing import Final

from flask import Blueprint, Response

from receiver.errors import StoreUnavailableError
from receiver.store.writer import Writer
from receiver.trust.key_set import KeySet
from receiver.web import representation
from receiver.web.openapi import ANYBODY, Answer, describe
from receiver.web.openapi.answers import LifeSchema, ReadinessSchema

_UNAVAILABLE: Final = 503
_WITHIN: Final = 2.0


def make_health(writer: Writer, keys: KeySet, *, callback_is_set: bool, queries_are_set: bool) -> Blueprint:
    """Make the routes of health.

    Args:
        writer: asked whether the store takes writes.
        keys: asked whether there are signing keys.
        callback_is_set: an app id is set, so Graph can be received.
        queries_are_set: an API key is set, so somebody may ask.
    """
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/livez")
    @describe(ANYBODY, {200: Answer("The process is alive.", LifeSchema)})
    def alive() -> Response:
        """Tell whether this process is alive.

        Never asks the store: platforms restart what fails here.
        """
        return representation.answer({"status": "alive"})

    @blueprint.get("/readyz")
    @describe(
        ANYBODY,
        {
            200: Answer("It can take notifications.", ReadinessSchema),
            503: Answer("It can't; `checks` says why.", ReadinessSchema),
        },
    )
    def ready() -> Response:
        """Tell whether notifications can be taken now."""
        checks = {
            "store": _store(writer),
            "signingKeys": _signing_keys(keys),
            "callback": "ok" if callback_is_set else "closed: set RECEIVER_APP_IDS",
            "queries": "ok"
            if queries_are_set
            else "closed: set RECEIVER_API_KEYS (`receiver keys` makes one)",
        }
        # A closed query side is a choice; the rest means that Graph's notifications are not taken.
        is_ready = all(checks[name].startswith("ok") for name in ("store", "signingKeys", "callback"))
        document = {"status": "ready" if is_ready else "not ready", "checks": checks}
        return representation.answer(document, 200 if is_ready else _UNAVAILABLE)

    return blueprint


def _store(writer: Writer) -> str:
    try:
        writer.probe(within=_WITHIN)
    except StoreUnavailableError as error:
        return error.detail
    return "ok"


def _signing_keys(keys: KeySet) -> str:
    status = keys.status()
    if not status.keys:
        return f"none: {status.error or 'not fetched yet'}"
    if status.error:
        return f"ok: {status.keys} kept from {status.age:.0f} s ago, since then: {status.error}"
    return "ok"
