"""The body of a notification, in all forms that captured traffic and the documentation have."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Self

from receiver.simulator.chance import with_probability
from receiver.simulator.signing_key import JSONObject

_USUAL: Final = 0.6
"""Share of notifications in the form that Graph sends today."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The form of a notification. The default is that of captured traffic of recent years."""

    links: tuple[str, ...] = ("resource", "resourceUrl")
    leading_slash: bool = True
    compact_ids: bool = False
    """GUIDs in the URL upper-case and undashed; the body keeps them dashed and lower-case."""
    id_in_body: bool = True
    odata_id: bool = False
    numbers_as_text: bool = False
    bare_type: bool = False
    """`@odata.type` without its `#`."""
    capital_change_type: bool = False
    keyed: bool = False
    """Ids in the URL as OData keys: `calls('<id>')`."""

    @classmethod
    def draw(cls, random: Random) -> Self:
        """Choose a shape: mostly today's, else any combination of known forms."""
        if with_probability(random, _USUAL):
            return cls()
        return cls(
            links=random.choice([("resource", "resourceUrl"), ("resourceUrl",), ("resource",)]),
            leading_slash=with_probability(random, 0.7),
            compact_ids=with_probability(random, 0.4),
            id_in_body=with_probability(random, 0.5),
            odata_id=with_probability(random, 0.4),
            numbers_as_text=with_probability(random, 0.3),
            bare_type=with_probability(random, 0.2),
            capital_change_type=with_probability(random, 0.2),
            keyed=with_probability(random, 0.2),
        )


def envelope(*items: JSONObject) -> JSONObject:
    """Return the body of a POST with these notifications."""
    return {"@odata.type": "#microsoft.graph.commsNotifications", "value": list(items)}


def notification(
    shape: Shape, change_type: str, call_id: str, *below: str, data: JSONObject | list[JSONObject]
) -> JSONObject:
    """Return one commsNotification.

    Args:
        shape: its form.
        change_type: `created`, `updated` or `deleted`.
        call_id: the call.
        below: further parts of the URL, such as `operations` and the operation's id.
        data: the resource.
    """
    parts = _parts(shape, ("calls", call_id, *below))
    slash = "/" if shape.leading_slash else ""
    roots = {"resource": f"{slash}app", "resourceUrl": f"{slash}communications"}
    links = {link: "/".join([roots[link], *parts]) for link in shape.links}
    if isinstance(data, dict) and shape.odata_id:
        data = {**data, "@odata.id": "/".join(["/communications", *parts])}
    return {
        "@odata.type": _type(shape, "commsNotification"),
        "changeType": change_type.capitalize() if shape.capital_change_type else change_type,
        **links,
        "resourceData": data,
    }


def resource(shape: Shape, kind: str, resource_id: str, members: JSONObject) -> JSONObject:
    """Return a resource, with or without its id in the body, by the shape."""
    own_id: JSONObject = {"id": resource_id} if shape.id_in_body else {}
    return {"@odata.type": _type(shape, kind), **members, **own_id}


def result_info(shape: Shape, code: int, subcode: int, message: str) -> JSONObject:
    """Return a resultInfo; the documentation has its numbers as text, too."""
    numbers: JSONObject = {"code": code, "subcode": subcode}
    if shape.numbers_as_text:
        numbers = {"code": str(code), "subcode": str(subcode)}
    return {"@odata.type": _type(shape, "resultInfo"), **numbers, "message": message}


_COLLECTIONS: Final = frozenset({"calls", "operations", "participants", "contentsharingsessions"})


def _parts(shape: Shape, parts: Sequence[str]) -> list[str]:
    """Return the parts of a URL: names, and ids as segments or as keys of the preceding names."""
    written: list[str] = []
    for part in parts:
        if part in _COLLECTIONS:
            written.append(part)
        elif shape.keyed:
            written[-1] += f"('{_guid_in_url(shape, part)}')"
        else:
            written.append(_guid_in_url(shape, part))
    return written


def _guid_in_url(shape: Shape, guid: str) -> str:
    return guid.replace("-", "").upper() if shape.compact_ids else guid


def _type(shape: Shape, name: str) -> str:
    return f"{'' if shape.bare_type else '#'}microsoft.graph.{name}"
