"""Fetch an OpenID metadata document and its signing keys once, bounded in time and size."""

import contextlib
import http.client
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Collection
from typing import Final
from urllib.parse import SplitResult, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined] # typeshed lacks it

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWTError
from jwt.algorithms import RSAAlgorithm
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from receiver.trust.egress import DIRECT, Egress, Proxy

MAX_DOCUMENT_BYTES: Final = 256 * 1024
"""Bytes of a document; a larger one fails the fetch."""

_SOCKET_TIMEOUT: Final = 3.0
"""Seconds for one step of a connection: to connect, or to get the next bytes."""

_KEY_BITS: Final = range(2048, 8192 + 1)  # OpenSSL is slow with larger keys, or rejects them


class _FetchError(Exception):
    """A document is not as expected; the message contains nothing of it."""


FETCH_FAILURES: Final = (  # ValueError: JSON, addresses, key numbers; RecursionError: deeply nested JSON
    _FetchError,
    HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
    RecursionError,
)


class KeyFetch:
    """One attempt to fetch both documents, which ends at its time limit, whatever the server does.

    A socket's timeout bounds a single read, so a server that drips a byte a second could hold an attempt for
    hours. Therefore a timer shuts the socket down, which ends the read. Connections are used without a pool: no
    redirects, no retries. Keys are fetched from the metadata's origin or from one of `hosts`, never from another host
    that the document names. A proxy opens a tunnel, so it sees names and sizes only; plain HTTP, which is allowed on
    loopback addresses only, never uses one.
    """

    def __init__(
        self, metadata: SplitResult, time_limit: float, hosts: Collection[str], egress: Egress = DIRECT
    ) -> None:
        self.done = threading.Event()
        self.fault: Exception | None = None
        """The unexpected error that ended the fetch; valid once `done` is set."""

        self._metadata = metadata
        self._time_limit = time_limit
        self._hosts = hosts
        self._egress = egress
        self._connection: HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._cut = False

    def fetch(self) -> dict[str, RSAPublicKey]:
        """Return the usable keys by their ids.

        Raises:
            FETCH_FAILURES: the fetch failed; `explain` returns the reason.
        """
        timer = threading.Timer(self._time_limit, self._cut_off)
        timer.daemon = True
        timer.start()
        try:
            key_set = self._key_set_address(self._read(self._metadata))
            return _usable_keys(self._read(key_set))
        finally:
            timer.cancel()

    def explain(self, error: BaseException) -> str:
        """Return why the fetch failed; of a library's error only its type, since its text may quote anything."""
        if self._cut:
            return f"it took longer than {self._time_limit:g} s"
        if isinstance(error, ssl.SSLCertVerificationError):
            return "its certificate is not trusted; set SSL_CERT_FILE to the trusted authorities"
        return str(error) if isinstance(error, _FetchError) else type(error).__name__

    def _read(self, address: SplitResult) -> object:
        self._connection = connection = self._connection_to(address)
        try:
            self._connect(connection)
            self._socket = connection.sock  # a response without a length takes it away from the connection
            body = b"" if self._cut else _body(connection, address)
        finally:
            connection.close()
        if self._cut:  # a body that was cut off may look whole
            raise _FetchError
        return json.loads(body)

    def _connect(self, connection: HTTPConnection) -> None:
        uses_proxy = connection.proxy_is_tunneling  # no longer known once it is closed
        try:
            connection.connect()
        except ssl.SSLError:
            raise
        except (HTTPError, OSError) as error:
            if uses_proxy:
                raise _FetchError(
                    f"the proxy of HTTPS_PROXY opens no tunnel ({type(error).__name__})"
                ) from None
            raise

    def _connection_to(self, address: SplitResult) -> HTTPConnection:
        host, port = address.hostname or "", address.port or _default_port(address)
        if address.scheme == "http":
            return HTTPConnection(host, port, timeout=_SOCKET_TIMEOUT)
        proxy = self._proxy_for(host, port)
        if proxy is None:
            return HTTPSConnection(host, port, timeout=_SOCKET_TIMEOUT)
        connection = HTTPSConnection(proxy.host, proxy.port, timeout=_SOCKET_TIMEOUT)
        login = {"Proxy-Authorization": proxy.authorization} if proxy.authorization else {}
        connection.set_tunnel(host, port, headers=login)
        return connection

    def _proxy_for(self, host: str, port: int) -> Proxy | None:
        bypasses = proxy_bypass_environment(f"{host}:{port}", {"no": self._egress.no_proxy})
        return None if bypasses else self._egress.proxy

    def _key_set_address(self, metadata: object) -> SplitResult:
        url = metadata.get("jwks_uri") if isinstance(metadata, dict) else None
        if not isinstance(url, str):
            raise _FetchError("the metadata document has no jwks_uri")
        address = urlsplit(url)
        if _origin(address) == _origin(self._metadata):
            return address
        if is_trustworthy(address) and _host(address) in self._hosts:
            return address
        raise _FetchError(
            "the jwks_uri is on another host than the metadata; add it to RECEIVER_KEY_HOSTS if it is right"
        )

    def _cut_off(self) -> None:
        self._cut = True
        # Until a proxy has made a tunnel, only the connection knows its socket.
        connected = self._socket or (self._connection and self._connection.sock)
        if connected:
            with contextlib.suppress(OSError):  # it may be closed by now
                # Not SSLSocket's own shutdown, which takes its state from under the read.
                socket.socket.shutdown(connected, socket.SHUT_RDWR)


def _body(connection: HTTPConnection, address: SplitResult) -> bytes:
    target = (address.path or "/") + (f"?{address.query}" if address.query else "")
    headers = {"Accept": "application/json"}
    connection.request("GET", target, headers=headers, preload_content=False, decode_content=False)
    with contextlib.closing(connection.getresponse()) as response:
        if response.status != http.HTTPStatus.OK:
            raise _FetchError(f"the provider answered with status {response.status}")
        body = response.read(MAX_DOCUMENT_BYTES + 1)
    if len(body) > MAX_DOCUMENT_BYTES:
        raise _FetchError(f"a document is larger than {MAX_DOCUMENT_BYTES} bytes")
    return body


def _usable_keys(document: object) -> dict[str, RSAPublicKey]:
    """Return the RSA signature keys of a JSON Web Key Set (RFC 7517), whatever algorithm each names."""
    entries = document.get("keys") if isinstance(document, dict) else None
    keys = {}
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("kty") == "RSA" and entry.get("use") in (None, "sig"):
            key_id, key = entry.get("kid"), _public_key(entry.get("n"), entry.get("e"))
            if isinstance(key_id, str) and key is not None and key.key_size in _KEY_BITS:
                keys[key_id] = key
    if not keys:
        raise _FetchError("the key set has no usable key")
    return keys


def _public_key(modulus: object, exponent: object) -> RSAPublicKey | None:
    if not isinstance(modulus, str) or not isinstance(exponent, str):
        return None
    try:
        key = RSAAlgorithm.from_jwk({"kty": "RSA", "n": modulus, "e": exponent})
    except (PyJWTError, ValueError):
        return None
    return key if isinstance(key, RSAPublicKey) else None


def is_trustworthy(address: SplitResult) -> bool:
    """Return whether keys may be fetched from an address: https, or http on a loopback address."""
    host = address.hostname
    if address.scheme != "http" or not host:
        return address.scheme == "https" and bool(host)
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _origin(address: SplitResult) -> tuple[str, str | None, int]:
    return address.scheme, address.hostname, address.port or _default_port(address)


def _host(address: SplitResult) -> str:
    """Return the host as written in a URL, in lower case, with its port unless that is the scheme's default."""
    host = f"[{address.hostname}]" if ":" in (address.hostname or "") else address.hostname or ""
    return host if address.port in (None, _default_port(address)) else f"{host}:{address.port}"


def _default_port(address: SplitResult) -> int:
    return 443 if address.scheme == "https" else 80
