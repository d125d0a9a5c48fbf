"""Who takes part in the simulated calls: invented names, and numbers reserved for fiction."""

import uuid
from dataclasses import dataclass
from random import Random
from typing import Final

from receiver.simulator.signing_key import JSONObject

_FIRST: Final = (
    "Amara",
    "Bjørn",
    "Chiara",
    "Dmitri",
    "Esi",
    "Farid",
    "Hana",
    "José",
    "Zoë",
    "Łukasz",
    "Niamh",
)
_LAST: Final = ("Abara", "Castellanos", "Fonseca", "Ivers", "Lindqvist", "Müller", "Nakata", "O'Dea", "Ruiz")
_AREAS: Final = ("206", "312", "415", "604", "917")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a call: on the telephone network if he has a number, else a user of the tenant."""

    id: str
    name: str
    phone: str | None = None

    def identity_set(self) -> JSONObject:
        """Return him as Graph's identitySet."""
        if self.phone is not None:
            who: JSONObject = {"@odata.type": "#microsoft.graph.identity", "id": self.phone}
            return {"@odata.type": "#microsoft.graph.identitySet", "phone": who}
        who = {"@odata.type": "#microsoft.graph.identity", "id": self.id, "displayName": self.name}
        return {"@odata.type": "#microsoft.graph.identitySet", "user": who}

    @property
    def address(self) -> str:
        """How Graph's messages name him: `4:` a number, `8:orgid:` a user. Personal data."""
        return f"4:{self.phone}" if self.phone else f"8:orgid:{self.id}"


def new_id(random: Random) -> str:
    """Return a random GUID, lower-case and dashed."""
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def somebody(random: Random) -> Person:
    """Invent a user of the tenant."""
    return Person(new_id(random), f"{random.choice(_FIRST)} {random.choice(_LAST)}")


def somebody_by_phone(random: Random) -> Person:
    """Invent somebody with a number 555-01xx, which is never given to anybody."""
    person = somebody(random)
    number = f"+1{random.choice(_AREAS)}55501{random.randrange(100):02d}"
    return Person(person.id, person.name, number)
