"""The store's URL: it is parsed completely, or refused in one line that names the fault and never quotes the URL."""

import pytest

from receiver.store.transport.store_address import StoreAddress, parse_address

LOCAL = ("localhost", 6379)
H = ("h", 6379)

UNDERSTOOD = [
    ("redis://", StoreAddress((LOCAL,))),
    ("redis:///3", StoreAddress((LOCAL,), database=3)),
    ("redis://?db=2", StoreAddress((LOCAL,), database=2)),
    ("redis://h", StoreAddress((H,))),
    ("redis://h:", StoreAddress((H,))),
    ("redis://h/", StoreAddress((H,))),
    ("redis://h?", StoreAddress((H,))),
    ("REDIS://h", StoreAddress((H,))),
    ("valkey://h", StoreAddress((H,))),
    ("redis://a_b-c.d.", StoreAddress((("a_b-c.d.", 6379),))),
    ("redis://[::1]", StoreAddress((("::1", 6379),))),
    ("redis://[fe80::1%eth0]:7/1", StoreAddress((("fe80::1%eth0", 7),), database=1)),
    ("redis://h/15/", StoreAddress((H,), database=15)),
    ("redis://h/1?db=1", StoreAddress((H,), database=1)),
    ("redis://h?db=", StoreAddress((H,))),
    ("redis://h?family=0&protocol=2", StoreAddress((H,))),
    ("redis://h?family=4", StoreAddress((H,), family=4)),
    ("redis://h?family=6", StoreAddress((H,), family=6)),
    ("redis://h?ssl=False", StoreAddress((H,))),
    ("Rediss://h", StoreAddress((H,), tls=True)),
    ("valkeys://h", StoreAddress((H,), tls=True)),
    ("rediss://h?ssl_cert_reqs=CERT_NONE", StoreAddress((H,), tls=True, certificate="none")),
    ("rediss://h?ssl_cert_reqs=none&ssl=1", StoreAddress((H,), tls=True, certificate="none")),
    ("rediss://h?ssl_cert_reqs=optional", StoreAddress((H,), tls=True, certificate="required")),
    ("rediss://h?ssl_cert_reqs=CERT_REQUIRED", StoreAddress((H,), tls=True, certificate="required")),
    ("unix:///run/s", StoreAddress(socket="/run/s")),
    ("unix:///run/a%23b@c?db=4", StoreAddress(socket="/run/a#b@c", database=4)),
    ("unix://u:p@/run/s", StoreAddress(socket="/run/s", username="u", password="p")),
    ("unix://:p@/x@/run/s", StoreAddress(socket="/run/s", password="p@/x")),
    ("redis+sentinel://a", StoreAddress((("a", 26379),), service="mymaster")),
    (
        "redis+sentinel://:p@a,[::1]:7,c:8/main/3",
        StoreAddress((("a", 26379), ("::1", 7), ("c", 8)), service="main", password="p", database=3),
    ),
    ("redis+sentinel://a/main?db=3", StoreAddress((("a", 26379),), service="main", database=3)),
    (
        "rediss+sentinel://u:p@a/main?sentinel_username=s&sentinel_password=a%40b+c%2f",
        StoreAddress(
            (("a", 26379),),
            service="main",
            username="u",
            password="p",
            tls=True,
            sentinel_tls=True,
            sentinel_username="s",
            sentinel_password="a@b+c/",
        ),
    ),
    (
        "rediss+sentinel://a/main?sentinel_ssl=false",
        StoreAddress((("a", 26379),), service="main", tls=True),
    ),
    (
        "redis+sentinel://a/main?sentinel_ssl=true",
        StoreAddress((("a", 26379),), service="main", sentinel_tls=True),
    ),
]

PASSWORDS = {
    "slash": ("a/b", "a/b"),
    "two slashes": ("//b", "//b"),
    "hash": ("a#b", "a#b"),
    "open bracket": ("a[b", "a[b"),
    "brackets": ("[::1]", "[::1]"),
    "percent": ("50%", "50%"),
    "percent and no digits": ("a%zz", "a%zz"),
    "percent and no UTF-8": ("a%ff", "a%ff"),
    "at": ("a@b", "a@b"),
    "colon": ("a:b:c", "a:b:c"),
    "question mark": ("a?b=c", "a?b=c"),
    "question mark and a known option": ("a?db=1", "a?db=1"),
    "space": ("a b", "a b"),
    "plus": ("a+b", "a+b"),
    "backslash and quotes": ("\\\"'`", "\\\"'`"),
    "not ASCII": ("pässwörd", "pässwörd"),
    "encoded": ("a%2Fb%40c%25d", "a/b@c%d"),
    "looks like a host and port": ("h:6379/0", "h:6379/0"),
}

REFUSED = [
    ("", "must begin"),
    ("h:6379", "must begin"),
    ("redis:/h", "must begin"),
    ("http://:secret@h", "must begin"),
    ("redis-sentinel://secret", "must begin"),
    ("redis://:secret@h\udcff", "must begin"),
    ("redis://:secret@", "names no host"),
    ("redis://:secret@/0", "names no host"),
    ("redis://:secret@:6379", "cannot exist"),
    ("redis://:6379/0", "cannot exist"),
    ("redis://:secret@h:port", "port from 1"),
    ("redis://:secret@h:0", "port from 1"),
    ("redis://:secret@h:65536", "port from 1"),
    ("redis://:secret@::1", "in brackets"),
    ("redis://:secret@::1:6379", "in brackets"),
    ("redis://:secret@[::1", "in brackets"),
    ("redis://:secret@[h]", "cannot exist"),
    ("redis://:secret@a..b", "cannot exist"),
    ("redis://:secret@℀", "cannot exist"),
    ("redis://:secret@h h", "cannot exist"),
    ("redis://:secret@" + "x" * 64, "cannot exist"),
    ("redis://:secret@h/zero", "database by a number"),
    ("redis://:secret@h/-1", "database by a number"),
    ("redis://:secret@h/0#secret", "database by a number"),
    ("redis://:secret@h/0/1", "database by a number"),
    ("redis://:secret@h?db=secret", "database by a number"),
    ("redis://:secret@h/1?db=2", "two databases"),
    ("redis://:secret@a,b", "several hosts"),
    ("redis://:secret@h?secret", "not name=value"),
    ("redis://:secret@h?=secret", "not name=value"),
    ("redis://:secret@h?db=1&db=1", "the option db twice"),
    ("redis://:secret@h?family=5", "option family, which takes only 0, 4, 6"),
    ("redis://:secret@h?protocol=3", "option protocol, which takes only 2"),
    ("redis://:secret@h?ssl=secret", "option ssl, which takes only"),
    ("redis://:secret@h?ssl_cert_reqs=none", "no TLS"),
    ("rediss://:secret@h?ssl=false", "contradicts its scheme"),
    ("redis://:secret@h?ssl=true", "contradicts its scheme"),
    ("redis+sentinel://:secret@h?ssl=true", "contradicts its scheme"),
    ("rediss://:secret@h?ssl_cert_reqs=secret", "option ssl_cert_reqs, which takes only"),
    ("rediss://:secret@h?ssl_ca_certs=/x.pem", "option ssl_ca_certs"),
    ("redis://:secret@h?password=secret", "option password"),
    ("redis://:secret@h?sentinel_password=secret", "option sentinel_password"),
    *(
        (f"redis://:secret@h?{name}=secret", f"option {name}, which the receiver does not support here")
        for name in (
            *("decode_responses", "timeout", "socket_timeout", "socket_connect_timeout", "socket_keepalive"),
            *("health_check_interval", "max_connections", "retry_on_timeout", "client_name", "encoding"),
            *("retry_on_error", "username", "host", "lib_name", "virtual_host", "pool_size", "Timeout"),
        )
    ),
    ("unix://run/secret", "whole path"),
    ("unix://", "whole path"),
    ("unix:///s?ssl=true", "option ssl"),
    ("redis+sentinel://", "names no host"),
    ("redis+sentinel://:secret@a,,b", "names no host"),
    ("redis+sentinel://:secret@a:x", "port from 1"),
    ("redis+sentinel://:secret@a/main/x", "database by a number"),
    ("redis+sentinel://:secret@a/main?family=6", "option family"),
    ("redis+sentinel://a/main?sentinel_password=sec@ret", "write @ as %40"),
]


@pytest.mark.parametrize(("url", "address"), UNDERSTOOD)
def test_url_is_parsed_completely(url: str, address: StoreAddress) -> None:
    assert parse_address(url) == address


@pytest.mark.parametrize(("written", "password"), PASSWORDS.values(), ids=PASSWORDS)
@pytest.mark.parametrize(
    "url", ["redis://{}@h:1/2", "redis+sentinel://{}@h:1/main/2", "unix://{}@/run/s?db=2"]
)
def test_password_is_parsed_raw_or_encoded(url: str, written: str, password: str) -> None:
    address = parse_address(url.format(f"user:{written}"))
    assert (address.username, address.password, address.database) == ("user", password, 2)
    assert parse_address(url.format(f":{written}")).password == password


@pytest.mark.parametrize(("url", "reason"), REFUSED)
def test_unsupported_url_is_refused_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match="for example") as refused:
        parse_address(url)
    message = str(refused.value)
    assert reason in message
    assert "secret" not in message
    assert "\n" not in message


def test_address_repr_omits_passwords() -> None:
    shown = repr(parse_address("redis+sentinel://:swordfish@h/main?sentinel_password=marlin"))
    assert "main" in shown
    assert "swordfish" not in shown
    assert "marlin" not in shown
