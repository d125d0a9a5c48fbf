"""Posts notifications as Graph does: its headers, its token, one connection for each POST.

Like Graph it does not retry, unless `retries` is set.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

import urllib3
from urllib3.exceptions import HTTPError

from receiver.simulator.issuer import BOT_FRAMEWORK, GRAPH, LONG_TENANT_CLAIM, Issuer
from receiver.simulator.signing_key import JSONObject
from receiver.simulator.simulated_people import new_id
from receiver.simulator.token_kinds import MAKERS, TokenKind

_TOKEN_REUSED: Final = 240.0
"""Seconds for which a token is used; Graph sends the same one for a few minutes."""

_LONGEST_PAUSE: Final = 5.0
_UTF8: Final = "application/json; charset=utf-8"
_CP1252: Final = "application/json; charset=Windows-1252"
_CONTENT_TYPES: Final = (_UTF8, _UTF8, _UTF8, "application/json", _CP1252)


@dataclass(frozen=True, slots=True)
class Answer:
    """The response to a post.

    Attributes:
        message_id: the id of the request, as in Graph's header.
        status: the HTTP status; None without a response.
        seconds: from the first byte to the response, including pauses between attempts.
        detail: the problem in the response, or why there was none; empty on success.
        attempts: how often it was posted.
    """

    message_id: str
    status: int | None
    seconds: float
    detail: str = ""
    attempts: int = 1


class Sender:
    """Posts notifications to one callback address.

    Args:
        url: the callback address.
        issuer: signs the tokens.
        audience: the app id the tokens are for.
        tenant_id: the tenant they name.
        kind: the kind of the tokens.
        retries: how often a POST is retried after 503 or no response; Graph never retries.
        timeout: seconds to wait for a response.
        random: chooses message ids and variants of headers and tokens.
        clock: seconds of a monotonic clock.
        sleep: a function that waits that many seconds, between attempts.
    """

    def __init__(
        self,
        url: str,
        issuer: Issuer,
        *,
        audience: str,
        tenant_id: str,
        kind: TokenKind = TokenKind.VALID,
        retries: int = 0,
        timeout: float = 10.0,
        random: Random | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._url = url
        self._issuer = issuer
        self._audience = audience
        self._tenant_id = tenant_id
        self._kind = kind
        self._retries = retries
        self._timeout = timeout
        self._random = random or Random()  # noqa: S311  # variants, not secrets
        self._clock = clock
        self._sleep = sleep
        self._http = urllib3.PoolManager(retries=False)
        self._token = ""
        self._token_until = float("-inf")

    def rotate_key(self) -> None:
        """Rotate the issuer's key, and use a token signed by the new one from now on."""
        self._issuer.rotate()
        self._token_until = float("-inf")

    def send(self, envelope: JSONObject | None, *, chain_id: str) -> Answer:
        """Post one body.

        Args:
            envelope: the body; None for an empty one.
            chain_id: the scenario's id, the same for all notifications of a call.
        """
        message_id = new_id(self._random)
        content_type = self._random.choice(_CONTENT_TYPES)
        body = _encoded(envelope, content_type)
        headers = self._headers(message_id, chain_id, content_type)
        begun = self._clock()
        attempts = 0
        while True:
            attempts += 1
            status, detail, pause = self._post(body, headers)
            if status not in {None, 503} or attempts > self._retries:
                return Answer(message_id, status, self._clock() - begun, detail, attempts)
            self._sleep(min(pause, _LONGEST_PAUSE))

    def _post(self, body: bytes, headers: dict[str, str]) -> tuple[int | None, str, float]:
        """Post once; return the status, the problem, and the seconds to wait before another attempt."""
        try:
            response = self._http.request(
                "POST", self._url, body=body, headers=headers, timeout=self._timeout, redirect=False
            )
        except HTTPError as error:  # urllib3's base class: refused, reset, timed out
            return None, _reason(error), 0.5
        pause = response.headers.get("Retry-After", "")
        return response.status, _problem(response.data), float(pause) if pause.isdecimal() else 0.5

    def _headers(self, message_id: str, chain_id: str, content_type: str) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._current_token()}",
            "User-Agent": "Microsoft-Skype/3.0,(Calling/1.0)",
            "X-Microsoft-Skype-Chain-ID": chain_id,
            self._random.choice(["Scenario-Id", "Scenario-ID"]): chain_id,
            "X-Microsoft-Skype-Message-ID": message_id,
            "Content-Type": content_type,
            "Connection": "close",
        }

    def _current_token(self) -> str:
        now = self._clock()
        if now >= self._token_until:
            self._token = self._new_token()
            self._token_until = now + _TOKEN_REUSED
        return self._token

    def _new_token(self) -> str:
        if self._kind is not TokenKind.VALID:
            return MAKERS[self._kind](self._issuer, self._audience, self._tenant_id)
        return self._issuer.token(
            audience=self._audience,
            tenant_id=self._tenant_id,
            issuer=self._random.choice([BOT_FRAMEWORK, GRAPH]),
            tenant_claim=self._random.choice(["tid", LONG_TENANT_CLAIM]),
            headers=self._random.choice([{}, {"cty": "JWT"}]),
        )


def _encoded(envelope: JSONObject | None, content_type: str) -> bytes:
    if envelope is None:
        return b""
    text = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
    if content_type != _CP1252:
        return text.encode()
    try:
        return text.encode("cp1252")
    except UnicodeEncodeError:  # captured traffic has UTF-8 under this name, too
        return text.encode()


def _problem(body: bytes) -> str:
    """Return the detail of a problem document (RFC 9457), if the response is one."""
    try:
        document = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(document, dict):
        return ""
    return str(document.get("detail") or document.get("title") or "")[:300]


def _reason(error: HTTPError) -> str:
    return f"no answer: {error.__cause__ or error}"[:300]
