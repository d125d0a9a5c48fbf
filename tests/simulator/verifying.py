"""Verifies tokens like a receiver: with PyJWT and the documents that the issuer serves."""

import json
from typing import Any

import jwt
import urllib3

from receiver.simulator.issuer import BOT_FRAMEWORK, GRAPH, Issuer

APP = "00001111-aaaa-2222-bbbb-3333cccc4444"
TENANT = "aaaabbbb-0000-cccc-1111-dddd2222eeee"


def fetch(url: str) -> dict[str, Any]:
    response = urllib3.request("GET", url, retries=False, headers={"Connection": "close"})
    assert response.status == 200
    document: dict[str, Any] = json.loads(response.data)
    return document


def served_keys(issuer: Issuer) -> jwt.PyJWKSet:
    return jwt.PyJWKSet.from_dict(fetch(fetch(issuer.metadata_url)["jwks_uri"]))


def verified(issuer: Issuer, token: str) -> dict[str, Any]:
    """Return the claims; PyJWT raises if the token is not valid."""
    key = served_keys(issuer)[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(
        token,
        key.key,
        algorithms=["RS256"],
        audience=APP,
        issuer=[BOT_FRAMEWORK, GRAPH],
        options={"require": ["exp", "aud", "iss"]},
    )
