"""Variables that platforms set, and settings that platforms require."""

import json

import pytest

from receiver.settings.configuration import read_settings
from receiver.settings.setting_definitions import REDIS_VARIABLES
from tests.settings.reading import problems
from tests.support.expected_settings import PLATFORMS


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_platform_requires_a_redis_address(env: pytest.MonkeyPatch, platform: str) -> None:
    env.setenv(platform, "x")
    problem = problems()["REDIS_URL"]
    assert platform in problem
    assert "for example REDIS_URL=rediss://" in problem
    env.setenv("REDIS_URL", "redis://h")
    assert read_settings().redis_url == "redis://h"


def test_a_wrong_redis_address_on_a_platform_is_an_error(env: pytest.MonkeyPatch) -> None:
    env.setenv("RENDER", "true")
    for name in ("REDIS_URL", "RECEIVER_REDIS_URL"):
        env.setenv(name, "http://h")
        [(named, problem)] = problems().items()
        assert named == name
        assert "must begin with" in problem


def test_providers_names_of_the_store_are_read(env: pytest.MonkeyPatch) -> None:
    """The first that is set counts: the receiver's own, the common one, those of providers, Cloud Foundry's."""
    assert REDIS_VARIABLES[:2] == ("RECEIVER_REDIS_URL", "REDIS_URL")
    names = (*REDIS_VARIABLES, "VCAP_SERVICES")
    for number, name in reversed(list(enumerate(names))):
        url = f"rediss://:password@host-{number}:6380"
        env.setenv(
            name, url if name != "VCAP_SERVICES" else json.dumps({"p.redis": [{"credentials": {"uri": url}}]})
        )
        settings = read_settings()
        assert (settings.redis_url, settings.redis_variable) == (url, name)


def test_bound_services_without_a_store_give_none(env: pytest.MonkeyPatch) -> None:
    env.setenv("VCAP_APPLICATION", "{}")
    env.setenv("VCAP_SERVICES", json.dumps({"p.mysql": [{"credentials": {"uri": "mysql://h"}}]}))
    assert "VCAP_APPLICATION is set" in problems()["REDIS_URL"]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_platforms_router_is_trusted_by_default(env: pytest.MonkeyPatch, platform: str) -> None:
    env.setenv(platform, "x")
    env.setenv("REDIS_URL", "redis://h")
    assert read_settings().trusted_proxies == 1
    env.setenv("RECEIVER_TRUSTED_PROXIES", "0")
    assert read_settings().trusted_proxies == 0


def test_the_instance_has_the_platforms_name(env: pytest.MonkeyPatch) -> None:
    env.setenv("HOSTNAME", "pod-7")
    assert read_settings().instance == "pod-7"
    env.setenv("REDIS_URL", "redis://h")
    env.setenv("DYNO", "web.2")
    assert read_settings().instance == "web.2"
