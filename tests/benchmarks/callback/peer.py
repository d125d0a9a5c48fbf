"""(c) and (d) The peer: what a good engineer would write in an afternoon with FastAPI.

    PEER_KEEPS=merge PEER_REMEMBERS=4096 … python -m uvicorn --factory tests.benchmarks.callback.peer:make_app

FastAPI on uvicorn (uvloop, httptools), pydantic v2 models that keep unknown members, PyJWT, redis.asyncio with
hiredis, orjson for what the store keeps. It does the work of the receiver's usual way: who speaks, what is said,
the merge in the receiver's own script with the same arguments, 202 when it is stored. So the record is the same,
and the benchmark checks it by the same code. It lacks the rest: quarantine, deadlines, odd spellings, logs, rosters.
`PEER_KEEPS=set` keeps an operation by a plain SET instead.

Where there was a choice, it is the one that is faster for the peer:
- A token that was verified once is remembered, as the receiver does, though many an afternoon would end before that.
  `PEER_REMEMBERS=0` has every token verified, which leaves the peer two thirds of its rate.
- No access log, which uvicorn would print by default.
- As many connections to the store as made it fastest, of 1 to 100; redis-py's default raises an error beyond 100.
"""

import hashlib
import os
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Annotated, Any

import jwt
import orjson
import redis.asyncio as redis
import urllib3
from fastapi import Depends, FastAPI, Header, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field

from receiver.settings.setting_definitions import PUBLIC_ISSUERS
from receiver.store.keys import PREFIX
from receiver.store.records import OperationRecord
from receiver.store.scripts import GET_LATEST, MERGE

RETENTION = 30 * 86400
DEADLINE = 120_000
CONNECTIONS = 50
RANKS = {"notstarted": 0, "running": 1, "completed": 2, "failed": 2}
ADDRESS = re.compile(r"/calls/([^/]+)/operations/([^/]+)")


class Model(BaseModel):
    model_config = ConfigDict(extra="allow")


class Identity(Model):
    id: str | None = None
    displayName: str | None = None  # noqa: N815 - Graph's name, as below
    tenantId: str | None = None  # noqa: N815


class IdentitySet(Model):
    user: Identity | None = None
    application: Identity | None = None
    phone: Identity | None = None
    guest: Identity | None = None


class Participant(Model):
    identity: IdentitySet | None = None
    hidden: bool | None = None
    participantId: str | None = None  # noqa: N815
    replacesCallId: str | None = None  # noqa: N815


class ResultInfo(Model):
    code: int | None = None
    subcode: int | None = None
    message: str | None = None


class Operation(Model):
    type: str = Field(alias="@odata.type")
    id: str | None = None
    clientContext: str = Field(max_length=256)  # noqa: N815
    status: str
    resultInfo: ResultInfo | None = None  # noqa: N815
    participants: list[Participant] | None = None


class Item(Model):
    changeType: str  # noqa: N815
    resourceUrl: str  # noqa: N815
    resourceData: Operation  # noqa: N815


class Notification(Model):
    value: list[Item]


class Tokens:
    """Verifies callback tokens with the keys of the issuer's OpenID document."""

    def __init__(self, metadata_url: str, app_id: str) -> None:
        document = urllib3.request("GET", metadata_url).json()
        self.keys = jwt.PyJWKClient(document["jwks_uri"])
        self.app_id = app_id
        self.verified = lru_cache(maxsize=int(os.environ["PEER_REMEMBERS"]))(self.verify)

    def tenant(self, token: str) -> str:
        claims = self.verified(token)
        if claims["exp"] < time.time():
            raise jwt.ExpiredSignatureError
        return str(claims["tid"])

    def verify(self, token: str) -> dict[str, Any]:
        key = self.keys.get_signing_key_from_jwt(token)
        return jwt.decode(
            token, key, algorithms=["RS256"], audience=self.app_id, issuer=PUBLIC_ISSUERS, leeway=300
        )


class MergingStore:
    """Keeps operations by the receiver's script: (c)."""

    def __init__(self, client: redis.Redis) -> None:
        self.merge = client.register_script(MERGE.text)
        self.latest = client.register_script(GET_LATEST.text)

    async def keep(self, items: list[Item], tenant: str) -> None:
        arguments: list[str | int | bytes] = [
            PREFIX,
            round(time.time() * 1000),
            RETENTION,
            secrets.token_hex(6),
            DEADLINE,
        ]
        for item in items:
            arguments += self.arguments(item, tenant)
        await self.merge([f"{PREFIX}next"], arguments)

    async def get(self, client_context: str) -> bytes | None:
        found = await self.latest([f"{PREFIX}cc:{client_context}"], [PREFIX])
        return represent(OperationRecord.parse(*found)) if found else None

    @staticmethod
    def arguments(item: Item, tenant: str) -> list[str | int | bytes]:
        operation = item.resourceData
        address = ADDRESS.search(item.resourceUrl)
        if address is None:
            raise HTTPException(422, "not the address of an operation")
        own = {"type", "id", "clientContext", "status"}
        members = operation.model_dump(by_alias=True, exclude=own, exclude_unset=True)
        texts = {name: orjson.dumps(value, option=orjson.OPT_SORT_KEYS) for name, value in members.items()}
        kind = operation.type.removeprefix("#microsoft.graph.")
        digest = hashlib.blake2b(f"{kind}\0{operation.status}\0".encode(), digest_size=4)
        for name, text in sorted(texts.items()):
            digest.update(name.encode() + b"\0" + text + b"\0")
        call_id, operation_id = address[1].lower(), address[2].lower()
        return [
            *("o", operation.clientContext, call_id, operation_id, tenant, kind),
            *(operation.status, RANKS.get(operation.status.lower(), 1), digest.hexdigest(), 1, ""),
            len(texts),
            *(part for pair in texts.items() for part in pair),
        ]


class PlainStore:
    """Keeps operations by SET, whatever came before: (d)."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client

    async def keep(self, items: list[Item], tenant: str) -> None:
        pairs = [(f"op:{item.resourceData.clientContext}", self.text(item)) for item in items]
        if len(pairs) == 1:
            await self.client.set(*pairs[0], ex=RETENTION)
            return
        pipeline = self.client.pipeline(transaction=False)
        for name, text in pairs:
            pipeline.set(name, text, ex=RETENTION)
        await pipeline.execute()

    async def get(self, client_context: str) -> bytes | None:
        found = await self.client.get(f"op:{client_context}")
        assert not isinstance(found, str)
        return found

    @staticmethod
    def text(item: Item) -> str:
        text: str = item.resourceData.model_dump_json(by_alias=True, exclude_unset=True)
        return text


def represent(record: OperationRecord) -> bytes:
    """Write an operation as the receiver does."""
    members = {name: orjson.Fragment(text) for name, text in record.members.items()}
    operation = {
        "@odata.type": f"#microsoft.graph.{record.type}",
        "id": record.operation_id,
        "clientContext": record.client_context,
        "status": record.status,
        **members,
    }
    document = {
        "clientContext": record.client_context,
        "callId": record.call_id,
        "operationId": record.operation_id,
        "tenantId": record.tenant_id,
        "type": record.type,
        "status": record.status,
        "done": record.done,
        "operation": operation,
        "timeline": [{"status": status, "at": moment(at)} for status, at in record.times.items()],
        "firstSeen": moment(record.first_seen),
        "updated": moment(record.updated),
        "revision": record.revision,
        "notifications": record.notifications,
        "duplicates": record.duplicates,
        "conflict": record.conflict,
        "others": record.others,
    }
    return orjson.dumps(document)


def moment(milliseconds: int) -> str:
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(milliseconds // 1000))
    return f"{at}.{milliseconds % 1000:03}Z"


def bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise HTTPException(401)
    return token


def make_app() -> FastAPI:
    tokens = Tokens(os.environ["RECEIVER_METADATA_URL"], os.environ["RECEIVER_APP_IDS"])
    key_hashes = {entry.rpartition(":")[2] for entry in os.environ["RECEIVER_API_KEYS"].split(",")}
    pool = redis.BlockingConnectionPool.from_url(os.environ["REDIS_URL"], max_connections=CONNECTIONS)
    client = redis.Redis(connection_pool=pool)
    store = MergingStore(client) if os.environ["PEER_KEEPS"] == "merge" else PlainStore(client)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await client.aclose()

    async def tenant_of_caller(authorization: Annotated[str, Header()]) -> str:
        try:
            return tokens.tenant(bearer(authorization))
        except jwt.PyJWTError:
            raise HTTPException(401) from None

    async def reader(authorization: Annotated[str, Header()]) -> None:
        if hashlib.sha256(bearer(authorization).encode()).hexdigest() not in key_hashes:
            raise HTTPException(401)

    app = FastAPI(lifespan=lifespan)

    @app.post("/callback", status_code=202)
    async def callback(
        notification: Notification, tenant: Annotated[str, Depends(tenant_of_caller)]
    ) -> Response:
        await store.keep(notification.value, tenant)
        return Response(status_code=202)

    @app.get("/operations/{client_context:path}", dependencies=[Depends(reader)])
    async def operation(client_context: str) -> Response:
        found = await store.get(client_context)
        if found is None:
            raise HTTPException(404)
        return Response(found, media_type="application/json")

    @app.get("/readyz")
    async def ready() -> Response:
        await client.ping()
        return Response()

    return app
