"""Finding the store among the services that Cloud Foundry has bound."""

import json

import pytest
from redis.connection import parse_url

from receiver.settings.cloud_foundry import redis_url


def bound(label: str = "p.redis", /, name: str = "store", **credentials: object) -> str:
    services = {
        "p.mysql": [{"label": "p.mysql", "name": "database", "credentials": {"uri": "mysql://u:p@h/db"}}],
        label: [{"label": label, "name": name, "tags": [], "credentials": credentials}],
    }
    return json.dumps(services)


@pytest.mark.parametrize(
    ("services", "url"),
    [
        pytest.param(
            bound(host="10.0.0.9", port=6379, password="pw"), "redis://:pw@10.0.0.9:6379", id="parts"
        ),
        pytest.param(
            bound(host="h", port=6379, tls_port=16379, password="pw"), "rediss://:pw@h:16379", id="a TLS port"
        ),
        pytest.param(
            bound("rediscloud", hostname="h", port="17546", password="pw"),
            "redis://:pw@h:17546",
            id="text and hostname",
        ),
        pytest.param(
            bound("redis-cache", hostname="h", port=6379, tls=True, password="pw"),
            "rediss://:pw@h:6379",
            id="TLS by a flag",
        ),
        pytest.param(bound(uri="rediss://:pw@h:1", host="x", port=2), "rediss://:pw@h:1", id="an address"),
        pytest.param(bound("user-provided", uri="redis://h:1"), "redis://h:1", id="one's own service"),
        pytest.param(
            bound("user-provided", name="my-valkey", host="h", port=1), "redis://h:1", id="parsed by its name"
        ),
        pytest.param(bound("a9s", uri="https://h", host="h", port=1), None, id="another service"),
        pytest.param(bound(host="h"), None, id="no port"),
        pytest.param('{"p.redis": [{"label": "p.redis", "credentials": null}]}', None, id="no credentials"),
        pytest.param('{"p.redis": {}}', None, id="no list"),
        pytest.param("{}", None, id="nothing bound"),
    ],
)
def test_the_store_is_found_in_each_brokers_form(services: str, url: str | None) -> None:
    assert redis_url(services) == url


def test_a_password_of_special_characters_is_encoded() -> None:
    url = redis_url(bound(host="h", port=1, username="u@:/", password="p@:/?#%20"))
    assert url
    parsed = parse_url(url)
    assert (parsed["username"], parsed["password"], parsed["host"]) == ("u@:/", "p@:/?#%20", "h")


@pytest.mark.parametrize("text", ["", "redis://h", "[]", "5", "{"])
def test_malformed_services_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be JSON as Cloud Foundry sets it"):
        redis_url(text)
