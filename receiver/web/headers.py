"""What every answer's headers tell browsers, unless the view that made it has told them otherwise."""

from flask import Flask, Response, request

from receiver.hardening import HARDENING, HTTPS_ONLY


def register_headers(app: Flask) -> None:
    """Have every answer of the app carry the headers of `receiver.hardening`."""
    app.after_request(_harden)


def _harden(response: Response) -> Response:
    headers = response.headers
    told = {name.lower() for name, _ in headers}  # once: Headers.setdefault would search for each of them
    for name, value in HARDENING:
        if name.lower() not in told:
            headers.add(name, value)
    if request.is_secure:
        headers.add(*HTTPS_ONLY)
    return response
