"""Check before gunicorn starts whether HOST and PORT can be listened on; it would try for 5 s, and name neither.

A port that is in use is not a problem: gunicorn waits for it, as in a restart.
"""

import errno
import socket


def address_problem(host: str, port: int) -> tuple[str, str] | None:
    """Return the variable that prevents listening, and what is wrong with it; None if the address can be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET  # as gunicorn chooses
    try:
        address = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)[0][4]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except PermissionError:
        return "PORT", f"this user may not listen on port {port}; use one above 1023, for example 8000"
    except (OSError, UnicodeError) as error:  # a malformed host name is a UnicodeError
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            return None
        return "HOST", f"{host} is not an address of this machine ({error}); for example 0.0.0.0"
    return None
