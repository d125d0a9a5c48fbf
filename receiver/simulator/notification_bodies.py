"""One notification as Graph writes it, in all the ways Graph has been seen to write it."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Self

from receiver.simulator.chance import happens
from receiver.simulator.signing_key import JSONObject

_USUAL: Final = 0.6
"""Share of notifications written as Graph writes them today."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a notification is written. The default is what captured traffic of recent years shows."""

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
        """Choose a shape: mostly today's, else any mixture of what is on record."""
        if happens(random, _USUAL):
            return cls()
        return cls(
            links=random.choice([("resource", "resourceUrl"), ("resourceUrl",), ("resource",)]),
            leading_slash=happens(random, 0.7),
            compact_ids=happens(random, 0.4),
            id_in_body=happens(random, 0.5),
            odata_id=happens(random, 0.4),
            numbers_as_text=happens(random, 0.3),
            bare_type=happens(random, 0.2),
            capital_change_type=happens(random, 0.2),
            keyed=happens(random, 0.2),
        )


def envelope(*items: JSONObject) -> JSONObject:
    """Wrap notifications into what one POST carries."""
    return {"@odata.type": "#microsoft.graph.commsNotifications", "value": list(items)}


def notification(
    shape: Shape, change_type: str, call_id: str, *below: str, data: JSONObject | list[JSONObject]
) -> JSONObject:
    """Write one commsNotification.

    Args:
        shape: how to write it.
        change_type: `created`, `updated` or `deleted`.
        call_id: the call it belongs to.
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
    """Write a resource, with its id in the body or not, as the shape says."""
    own_id: JSONObject = {"id": resource_id} if shape.id_in_body else {}
    return {"@odata.type": _type(shape, kind), **members, **own_id}


def result_info(shape: Shape, code: int, subcode: int, message: str) -> JSONObject:
    """Write a resultInfo; documentation shows its numbers as text, too."""
    numbers: JSONObject = {"code": code, "subcode": subcode}
    if shape.numbers_as_text:
        numbers = {"code": str(code), "subcode": str(subcode)}
    return {"@odata.type": _type(shape, "resultInfo"), **numbers, "message": message}


_WORDS: Final = frozenset({"calls", "operations", "participants", "contentsharingsessions"})


def _parts(shape: Shape, parts: Sequence[str]) -> list[str]:
    """Write the parts of a URL: names, and ids as segments or as keys of the names before them."""
    written: list[str] = []
    for part in parts:
        if part in _WORDS:
            written.append(part)
        elif shape.keyed:
            written[-1] += f"('{_written(shape, part)}')"
        else:
            written.append(_written(shape, part))
    return written


def _written(shape: Shape, guid: str) -> str:
    return guid.replace("-", "").upper() if shape.compact_ids else guid


def _type(shape: Shape, name: str) -> str:
    return f"{'' if shape.bare_type else '#'}microsoft.graph.{name}"
