"""Egress of outgoing requests: the forwarding proxy (HTTPS_PROXY) and the hosts that bypass it (NO_PROXY). Pure.

The master imports this, so it loads nothing that gevent patches in the workers: urllib.request would load `ssl`.
"""

import base64
import re
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import unquote

_SCHEME: Final = re.compile(r"(?:(?P<name>[A-Za-z][A-Za-z0-9+.-]*)://)?(?P<rest>.*)", re.DOTALL)
_PLACE: Final = re.compile(
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9_.-]{1,253}))(?::(?P<port>[0-9]{1,5}))?/?"
)
_DEFAULT_PORT: Final = 80
_PORTS: Final = range(1, 65536)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A forwarding proxy that is reached by plain HTTP and opens tunnels (CONNECT).

    Args:
        host: a name or an IP address.
        port: the port it listens on.
        authorization: the value of the header Proxy-Authorization; None for no login.
    """

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> Self:
        """Parse `[http://][user:password@]host[:port]`, as curl does; the login is raw or percent-encoded.

        Raises:
            ValueError: it is not the address of such a proxy.
        """
        scheme = _SCHEME.fullmatch(url)
        login, _, place = scheme["rest"].rpartition("@") if scheme else ("", "", "")
        where = _PLACE.fullmatch(place)
        if not scheme or (scheme["name"] or "http").lower() != "http" or not where:
            raise ValueError("must be the address of an HTTP proxy, for example http://proxy.example:3128")
        port = int(where["port"] or _DEFAULT_PORT)
        if port not in _PORTS:
            raise ValueError("must have a port from 1 to 65535, for example http://proxy.example:3128")
        encoded = base64.b64encode(":".join(map(unquote, login.split(":", 1))).encode()).decode()
        return cls(where["ipv6"] or where["name"], port, f"Basic {encoded}" if login else None)


@dataclass(frozen=True, slots=True)
class Egress:
    """The proxy for https, and the hosts that bypass it.

    Args:
        proxy: None for none.
        no_proxy: names and addresses, separated by commas; a name includes those below it, `*` all.
    """

    proxy: Proxy | None = None
    no_proxy: str = ""


DIRECT: Final = Egress()
"""No proxy for any host."""
