"""Forged tokens over HTTP: each is rejected, and nothing is stored or fetched."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from receiver.simulator import token_kinds
from receiver.simulator.issuer import Issuer
from receiver.simulator.signing_key import SigningKey
from tests.support.notifications import operation
from tests.support.service import APP_ID, READ, TENANT, WRITE, Service
from tests.support.stores import StoreServer
from tests.support.tokens import signed, signed_with_secret, unsigned
from tests.web.raw import exchange

GOOD = operation(cc="good")
REFUSED = (401, "invalid-token")
NOT_KNOWN_YET = (503, "keys-unavailable")
FOREIGN_KEY = SigningKey.generate()
CURVE = ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class Forger:
    """An attacker that forges tokens in the issuer's name and knows only the public half of its keys.

    Args:
        issuer: signs, where the forgery is in something else than the signature.
        trap: an address on which a server listens that must not be asked.
    """

    issuer: Issuer
    trap: str

    def head(self, **members: object) -> dict[str, object]:
        return {"typ": "JWT", "alg": "RS256", "kid": self.issuer.key.kid, **members}

    def claims(self, **members: object) -> dict[str, object]:
        return {**self.issuer.claims(audience=APP_ID, tenant_id=TENANT), **members}

    def unsigned(self, algorithm: str, signature: str = "") -> str:
        return f"{unsigned(self.head(alg=algorithm), self.claims())}.{signature}"

    def by_secret(self, secret: bytes, **members: object) -> str:
        return signed_with_secret(secret, self.head(**{"alg": "HS256", **members}), self.claims())

    def by_foreign_key(self, **members: object) -> str:
        return signed(FOREIGN_KEY.private_key, self.head(**members), self.claims())

    def by_issuer(self, head: dict[str, object] | None = None, **claims: object) -> str:
        return signed(self.issuer.key.private_key, self.head(**(head or {})), self.claims(**claims))

    def by_issuer_as(self, algorithm: str) -> str:
        return jwt.encode(self.claims(), self.issuer.key.private_key, algorithm, self.head(alg=algorithm))

    def by_curve(self) -> str:
        return jwt.encode(self.claims(), CURVE, "ES256", self.head(alg="ES256"))

    def own_key(self, member: str) -> object:
        """The value of a header that puts a key into the token itself."""
        return {
            "jku": f"{self.trap}/keys",
            "x5u": f"{self.trap}/certificate.pem",
            "jwk": FOREIGN_KEY.jwk(),
            "x5c": ["MIIB"],
        }[member]

    def public_key(self, encoding: Encoding, form: PublicFormat) -> bytes:
        return self.issuer.key.private_key.public_key().public_bytes(encoding, form)


OWN_KEYS = ("jku", "x5u", "jwk", "x5c")
PEM, DER = (
    (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    (Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
)
PKCS1 = (Encoding.PEM, PublicFormat.PKCS1)


def _with_own_key(forger: Forger, *, member: str, **members: object) -> str:
    return forger.by_foreign_key(**members, **{member: forger.own_key(member)})


FORGERIES: dict[str, Callable[[Forger], str]] = {
    # No signature.
    **{
        f"the algorithm {name}{' and a signature' * bool(signature)}": (
            partial(Forger.unsigned, algorithm=name, signature=signature)
        )
        for name in ("none", "None", "NONE", "nOnE", "")
        for signature in ("", "AAAA")
    },
    # The public key as a shared secret.
    "HS256 with the PEM": lambda forger: forger.by_secret(forger.public_key(*PEM)),
    "HS256 with the PEM without its last line end": (
        lambda forger: forger.by_secret(forger.public_key(*PEM).rstrip())
    ),
    "HS256 with the PEM of PKCS 1": lambda forger: forger.by_secret(forger.public_key(*PKCS1)),
    "HS256 with the DER": lambda forger: forger.by_secret(forger.public_key(*DER)),
    "HS256 with the JWK": lambda forger: forger.by_secret(json.dumps(forger.issuer.key.jwk()).encode()),
    "HS256 with the modulus": lambda forger: forger.by_secret(str(forger.issuer.key.jwk()["n"]).encode()),
    "RS256 that is an HMAC": lambda forger: forger.by_secret(forger.public_key(*PEM), alg="RS256"),
    # Key ids that are none.
    "kid is a list": lambda forger: forger.by_foreign_key(kid=[forger.issuer.key.kid]),
    "kid is missing": lambda forger: forger.by_foreign_key(kid=None),
    "kid is long": lambda forger: forger.by_foreign_key(kid="k" * 5000),
    # Tokens that contain their own key, under the issuer's key id.
    **{
        f"{member} under the id of the issuer": (partial(_with_own_key, member=member)) for member in OWN_KEYS
    },
    "a foreign key's signature": lambda forger: forger.by_foreign_key(),
    # Forms.
    "a token within a token": lambda forger: signed(
        forger.issuer.key.private_key, forger.head(cty="JWT"), forger.by_issuer().encode()
    ),
    "a token within one of a foreign key": lambda forger: signed(
        FOREIGN_KEY.private_key, forger.head(cty="JWT"), json.dumps(forger.by_issuer()).encode()
    ),
    "a critical extension": lambda forger: forger.by_issuer({"crit": ["exp"]}),
    "an unencoded payload": lambda forger: forger.by_issuer({"b64": False, "crit": ["b64"]}),
    "encrypted": lambda forger: "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.AAAA.AAAA.AAAA.AAAA",
    "cut off": lambda forger: forger.by_issuer()[:-20],
    "no token at all": lambda forger: "x.y.z",
    "two parts": lambda forger: "eyJhbGciOiJub25lIn0.e30",
    "spaces": lambda forger: "a b c",
    "nearly 8 kB": lambda forger: "a" * 8100 + ".b.c",
    # Algorithms that an issuer could use, and this one doesn't.
    "PS256 with the right key": lambda forger: forger.by_issuer_as("PS256"),
    "PS256 in name only": lambda forger: forger.by_issuer({"alg": "PS256"}),
    "ES256": lambda forger: forger.by_curve(),
    # Other spellings of a good token.
    "padding behind the header": lambda forger: forger.by_issuer().replace(".", "=.", 1),
    "padding behind the signature": lambda forger: forger.by_issuer() + "==",
    "a space before the claims": lambda forger: forger.by_issuer().replace(".", ". ", 1),
    "a tab behind the header": lambda forger: forger.by_issuer().replace(".", "\t.", 1),
    "a space before the signature": lambda forger: ". ".join(forger.by_issuer().rsplit(".", 1)),
    "the other alphabet": lambda forger: forger.by_issuer().replace("-", "+").replace("_", "/"),
    # Claims.
    "expired": lambda forger: token_kinds.expired_token(forger.issuer, APP_ID, TENANT),
    "not yet valid": lambda forger: forger.by_issuer(nbf=4_000_000_000, exp=4_000_003_600),
    "another audience": lambda forger: token_kinds.other_audience_token(forger.issuer, APP_ID, TENANT),
    "a list of other audiences": lambda forger: forger.by_issuer(aud=["x", f"{APP_ID}x", None, [APP_ID]]),
    "the audience as an object": lambda forger: forger.by_issuer(aud={APP_ID: APP_ID}),
    "another issuer": lambda forger: token_kinds.other_issuer_token(forger.issuer, APP_ID, TENANT),
    "the issuer in a list": lambda forger: forger.by_issuer(iss=["https://api.botframework.com"]),
    "the issuer with a slash": lambda forger: forger.by_issuer(iss="https://api.botframework.com/"),
    "tenantless": lambda forger: forger.by_issuer(tid=""),
    "exp as a text": lambda forger: forger.by_issuer(exp=str(round(time.time()) + 3600)),
    "exp is true": lambda forger: forger.by_issuer(exp=True),
    "exp is null": lambda forger: forger.by_issuer(exp=None),
    "exp is NaN": lambda forger: forger.by_issuer(exp=float("nan")),
    "exp is infinite": lambda forger: forger.by_issuer(exp=float("inf")),
    "exp beyond all dates": lambda forger: forger.by_issuer(exp=1e300),
    "nbf as a text": lambda forger: forger.by_issuer(nbf=str(round(time.time()) - 3600)),
    "nbf in a list": lambda forger: forger.by_issuer(nbf=[0]),
}

UNDER_UNKNOWN_KEYS: dict[str, Callable[[Forger], str]] = {
    # Key ids that a careless look-up would open, read or fetch.
    "a path": lambda forger: forger.by_secret(b"", alg="RS256", kid="../../../../dev/null"),
    "a path for RS256": lambda forger: forger.by_foreign_key(kid="/dev/null"),
    "SQL": lambda forger: forger.by_secret(b"secret", alg="RS256", kid="x' UNION SELECT 'secret' -- "),
    "a command": lambda forger: forger.by_foreign_key(kid=f"x|curl {forger.trap}"),
    "a URL": lambda forger: forger.by_foreign_key(kid=f"{forger.trap}/key.pem"),
    "a file URL": lambda forger: forger.by_foreign_key(kid="file:///dev/null"),
    # Tokens that contain their own key, under its own id.
    **{member: partial(_with_own_key, member=member, kid=FOREIGN_KEY.kid) for member in OWN_KEYS},
}


@pytest.fixture(scope="module")
def trap() -> Iterator[socket.socket]:
    """A server that no request may reach."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0)
        yield listening


@pytest.fixture
def forger(issuer: Issuer, trap: socket.socket) -> Forger:
    return Forger(issuer, f"http://127.0.0.1:{trap.getsockname()[1]}")


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_token_is_rejected_and_fetches_nothing(
    service: Service, store: StoreServer, forger: Forger, trap: socket.socket, name: str
) -> None:
    token = FORGERIES[name](forger)
    for body in (None, b"not even JSON"):
        refused = service.call_back(GOOD, body=body, token=token)
        assert (refused.status, refused.problem) == REFUSED
        assert refused.headers["WWW-Authenticate"] == 'Bearer realm="receiver", error="invalid_token"'
        assert token not in refused.body.decode()
    assert store.client.keys() == []
    with pytest.raises(BlockingIOError):
        trap.accept()


@pytest.mark.parametrize("name", UNDER_UNKNOWN_KEYS)
def test_unknown_key_is_fetched_from_the_provider_only(
    service: Service, store: StoreServer, forger: Forger, trap: socket.socket, name: str
) -> None:
    token = UNDER_UNKNOWN_KEYS[name](forger)
    for body in (None, b"not even JSON"):
        refused = service.call_back(GOOD, body=body, token=token)
        assert (refused.status, refused.problem) in {REFUSED, NOT_KNOWN_YET}
        assert refused.status == 401 or 0 < int(refused.headers["Retry-After"]) <= 30
        assert token not in refused.body.decode()
    assert store.client.keys() == []
    with pytest.raises(BlockingIOError):
        trap.accept()


def test_valid_token_is_accepted_in_every_form(service: Service, forger: Forger) -> None:
    """The forger's tools make good tokens too: what is refused above is refused for the reason given."""
    now = time.time()
    for number, token in enumerate(
        (
            forger.by_issuer(),
            forger.by_issuer({"cty": "JWT"}),
            forger.by_issuer({"alg": "RS512"}),
            forger.by_issuer({"jku": f"{forger.trap}/keys"}),
            forger.by_issuer(aud=["other", APP_ID.upper()]),
            forger.by_issuer(exp=now + 60.5, nbf=now - 0.5),
            service.token(issuer="https://graph.microsoft.com"),
            service.token(tenant_claim="http://schemas.microsoft.com/identity/claims/tenantid"),
            service.token(lifetime=timedelta(minutes=5)),
        )
    ):
        assert service.call_back(operation(cc=f"good-{number}"), token=token).status == 202, number
        assert service.get(f"/operations/good-{number}").status == 200


@pytest.mark.parametrize("header", [None, "", "Basic eDp5", "Bearer", "Token abc"])
def test_missing_token_gets_a_challenge(service: Service, store: StoreServer, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    refused = service.request("POST", "/callback", key=None, body={"value": [GOOD]}, headers=headers)
    assert (refused.status, refused.problem) == (401, "missing-token")
    assert store.client.keys() == []


def test_token_that_is_too_long_for_a_header_is_rejected(service: Service, store: StoreServer) -> None:
    for length in (8192, 100_000, 1_000_000):
        refused = exchange(
            service,
            b"POST /callback HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + b"a" * length + b"\r\n\r\n",
        )
        assert (refused.status, refused.problem) == (431, "headers-too-large")
    assert store.client.keys() == []


def test_two_authorizations_are_rejected(service: Service, store: StoreServer) -> None:
    def post(*values: str) -> int:
        lines = "".join(f"Authorization: Bearer {value}\r\n" for value in values)
        body = json.dumps({"value": [GOOD]})
        head = f"POST /callback HTTP/1.1\r\nHost: h\r\n{lines}Content-Length: {len(body)}\r\n"
        return exchange(service, f"{head}Connection: close\r\n\r\n{body}".encode()).status

    good = service.token()
    assert [post(good, good), post(good, "x.y.z"), post("x.y.z", good)] == [401, 401, 401]
    assert store.client.keys() == []
    assert post(good) == 202


def test_two_api_keys_are_rejected(service: Service) -> None:
    def get(*keys: str) -> int:
        lines = "".join(f"Authorization: Bearer {key}\r\n" for key in keys)
        head = f"GET /operations HTTP/1.1\r\nHost: h\r\n{lines}Connection: close\r\n\r\n"
        return exchange(service, head.encode()).status

    assert [get(READ, READ), get(READ, WRITE), get(WRITE, READ), get(READ)] == [401, 401, 401, 200]
