"""Convert urllib3's errors to the client's own, with messages that say what to do."""

import ssl
from http.client import BadStatusLine, HTTPException, RemoteDisconnected
from typing import Final

from urllib3.exceptions import HTTPError, MaxRetryError

from receiver.client.errors import MisconfiguredError, UnreachableError

_UNKNOWN_ISSUER: Final = {18, 19, 20, 21}
"""OpenSSL's error numbers for a certificate whose CA is not trusted."""

_NOT_TLS: Final = {"HTTP_REQUEST", "RECORD_LAYER_FAILURE", "WRONG_VERSION_NUMBER"}
"""OpenSSL's reasons for a response in plain text; which one depends on its version."""

_TLS_ALERT: Final = "\x15\x03"
"""The first bytes of a TLS server's response to plain text (RFC 8446, 5.1)."""

NO_PROXY_CREDENTIALS: Final = (
    "The proxy requires a user name and a password: put them into its address in HTTPS_PROXY or HTTP_PROXY, "
    "http://user:password@proxy.example:3128."
)


def unreachable(url: str, proxy: str, error: HTTPError) -> UnreachableError:
    """Return the error for an exchange that failed.

    Args:
        url: the receiver's address.
        proxy: the proxy's address; empty if there is none.
        error: urllib3's error.
    """
    root = root_of(error)
    through = f" through the proxy {proxy}" if proxy else ""
    if hint := _hint(root):
        return MisconfiguredError(f"{url} can't be used{through}: {hint}")
    return UnreachableError(f"{url} does not answer{through}: {describe(root)}")


def root_of(error: BaseException) -> BaseException:
    """Return the cause of an error of urllib3; its message is readable."""
    while cause := _cause(error):
        error = cause
    return error


def describe(root: BaseException) -> str:
    """Return an error's message. A malformed response is not quoted: it may contain personal data."""
    if isinstance(root, HTTPException) and not isinstance(root, RemoteDisconnected):
        return f"the response is not HTTP ({type(root).__name__})"
    return str(root)


def _cause(error: BaseException) -> BaseException | None:
    if error.__cause__ or not isinstance(error, HTTPError):
        return error.__cause__
    if isinstance(error, MaxRetryError):
        return error.reason
    return next((part for part in error.args if isinstance(part, BaseException)), None)


def _hint(root: BaseException) -> str:
    """Return what is configured wrongly, and what to do; empty if another attempt may succeed."""
    if isinstance(root, ssl.SSLCertVerificationError):
        if root.verify_code in _UNKNOWN_ISSUER:
            return (
                f"its certificate is not trusted ({root.verify_message}). If it is signed by a CA of your own, "
                "set SSL_CERT_FILE to the file with that CA's certificate."
            )
        return f"its certificate is not valid: {root.verify_message}."
    if isinstance(root, ssl.SSLError) and root.reason in _NOT_TLS:
        return "the server does not use TLS. Use http:// instead of https://, or another port."
    if isinstance(root, BadStatusLine) and str(root).startswith(_TLS_ALERT):
        return "the server uses TLS. Use https:// instead of http://, or another port."
    if str(root).startswith("Tunnel connection failed: 407"):
        return NO_PROXY_CREDENTIALS
    return ""
