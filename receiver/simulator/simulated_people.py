"""The participants of simulated calls: invented names, and phone numbers reserved for fiction."""

import uuid
from dataclasses import dataclass
from random import Random
from typing import Final

from receiver.simulator.signing_key import JSONObject

_FIRST_NAMES: Final = (
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
_LAST_NAMES: Final = (
    "Abara",
    "Castellanos",
    "Fonseca",
    "Ivers",
    "Lindqvist",
    "Müller",
    "Nakata",
    "O'Dea",
    "Ruiz",
)
_AREA_CODES: Final = ("206", "312", "415", "604", "917")


@dataclass(frozen=True, slots=True)
class Person:
    """A participant of a call: on the telephone network if `phone` is set, else a user of the tenant."""

    id: str
    name: str
    phone: str | None = None

    def identity_set(self) -> JSONObject:
        """Return the person as Graph's identitySet."""
        if self.phone is not None:
            identity: JSONObject = {"@odata.type": "#microsoft.graph.identity", "id": self.phone}
            return {"@odata.type": "#microsoft.graph.identitySet", "phone": identity}
        identity = {"@odata.type": "#microsoft.graph.identity", "id": self.id, "displayName": self.name}
        return {"@odata.type": "#microsoft.graph.identitySet", "user": identity}

    @property
    def address(self) -> str:
        """The address in Graph's messages: `4:` and a number, `8:orgid:` and a user's id. Personal data."""
        return f"4:{self.phone}" if self.phone else f"8:orgid:{self.id}"


def new_id(random: Random) -> str:
    """Return a random GUID, lower-case and dashed."""
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def invent_user(random: Random) -> Person:
    """Return an invented user of the tenant."""
    return Person(new_id(random), f"{random.choice(_FIRST_NAMES)} {random.choice(_LAST_NAMES)}")


def invent_phone_user(random: Random) -> Person:
    """Return an invented participant with a number 555-01xx, which is never assigned."""
    user = invent_user(random)
    number = f"+1{random.choice(_AREA_CODES)}55501{random.randrange(100):02d}"
    return Person(user.id, user.name, number)
