"""Parse rosters, roster deltas and single participants into updates of a call. Pure.

Graph sends the whole roster each time, or, with `isDeltaRosterEnabled`, only the changes, or a single participant under
its own address. A whole roster replaces the previous one, the others change the participants that they contain.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from receiver.graph.json_codec import JSON
from receiver.graph.resource_addresses import Address, normalize_id
from receiver.graph.resources import UnreadableError, dump_or_reject, load_leniently, type_name
from receiver.graph.schema_loading import Loader
from receiver.graph.schemas import ParticipantSchema
from receiver.graph.sequence_numbers import sequence
from receiver.graph.updates import RosterDelta, RosterUpdate

_PARTICIPANT: Final = Loader(ParticipantSchema())


def read_participants(
    resources: Sequence[JSON], address: Address, tenant_id: str, *, deleted: bool
) -> list[RosterUpdate | RosterDelta]:
    """Return the updates of the resources at the address of a roster or of a participant.

    Raises:
        UnreadableError: the address names no call, a participant is not an object, or one is nested too deeply.
    """
    if not address.call_id:
        raise UnreadableError("a roster of no call")
    if address.item_id or any(map(_is_delta, resources)):
        return [_change(resource, address, tenant_id, deleted=deleted) for resource in resources or [None]]
    return [RosterUpdate(address.call_id, tenant_id, _array(map(_participant, resources)))]


def _is_delta(resource: JSON) -> bool:
    if not isinstance(resource, dict):
        return False
    is_typed = type_name(resource).lower() == "deltaparticipants"
    return is_typed or (isinstance(resource.get("participants"), list) and "sequenceNumber" in resource)


def _change(resource: JSON, address: Address, tenant_id: str, *, deleted: bool) -> RosterDelta:
    if isinstance(resource, dict) and _is_delta(resource):
        changed = resource.get("participants")
        changed = [] if changed is None else changed
        if not isinstance(changed, list):
            raise UnreadableError("a delta of a roster without a list of participants")
        participants = _array(map(_participant, changed))
        number = sequence(resource.get("sequenceNumber"))
    else:
        participants, number = _array([_single(resource, address, deleted=deleted)]), None
    return RosterDelta(address.call_id, tenant_id, number, participants)


def _single(resource: JSON, address: Address, *, deleted: bool) -> dict[str, JSON]:
    """Return a single participant; its address has its id, and a deleted one has left."""
    has_left = deleted and bool(address.item_id)
    one = _participant({} if has_left and resource is None else resource)
    own = one.get("id")
    if address.item_id and not (isinstance(own, str) and normalize_id(own) == address.item_id):
        one = {**one, "id": address.item_id}
    if has_left and one.get("removedState") is None:
        one = {**one, "removedState": {}}
    return one


def _array(participants: Iterable[dict[str, JSON]]) -> str:
    """Return a JSON array of participants, dumped one by one: a short text needs no search for excessive depth."""
    return f"[{','.join(map(dump_or_reject, participants))}]"


def _participant(resource: JSON) -> dict[str, JSON]:
    if not isinstance(resource, dict):
        raise UnreadableError("a participant that is no object")
    return load_leniently(_PARTICIPANT, resource, frozenset())
