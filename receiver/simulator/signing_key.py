"""A signing key of the simulated issuer: generated, stored in a file, and published as a JWK."""

import base64
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self, cast

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

JSONObject = dict[str, object]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An RSA key and its key id, which is derived from the key."""

    private_key: rsa.RSAPrivateKey
    kid: str

    @classmethod
    def of(cls, private_key: rsa.RSAPrivateKey) -> Self:
        """Return a key with its thumbprint as key id (RFC 7638)."""
        return cls(private_key, _thumbprint(private_key.public_key()))

    @classmethod
    def generate(cls) -> Self:
        """Generate a key of 2048 bits, like Graph's."""
        return cls.of(rsa.generate_private_key(public_exponent=65537, key_size=2048))

    @classmethod
    def load_or_create(cls, path: Path) -> Self:
        """Read the key from a PEM file; create both if there is none.

        Raises:
            OSError: the file can't be read or written.
            ValueError: the file does not contain an RSA key.
        """
        try:
            return cls._load(path)
        except FileNotFoundError:
            key = cls.generate()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:  # another process created it
            return cls._load(path)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key._pem())
        return key

    @classmethod
    def _load(cls, path: Path) -> Self:
        private_key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(private_key, rsa.RSAPrivateKey):
            raise ValueError(f"{path} does not contain an RSA key")  # noqa: TRY004  # the file is wrong, not the code
        return cls.of(private_key)

    def jwk(self) -> JSONObject:
        """Return the public key as in Graph's key document."""
        return {
            "kty": "RSA",
            "use": "sig",
            "kid": self.kid,
            "x5t": self.kid,
            **_public_numbers(self.private_key.public_key()),
            "endorsements": ["msteams", "skype"],
        }

    def public_pem(self) -> bytes:
        """Return the public key as PEM."""
        return self.private_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def _pem(self) -> bytes:
        return self.private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def _public_numbers(key: rsa.RSAPublicKey) -> dict[str, str]:
    jwk = cast(dict[str, str], RSAAlgorithm.to_jwk(key, as_dict=True))
    return {"n": jwk["n"], "e": jwk["e"]}


def _thumbprint(key: rsa.RSAPublicKey) -> str:
    canonical = json.dumps({**_public_numbers(key), "kty": "RSA"}, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
