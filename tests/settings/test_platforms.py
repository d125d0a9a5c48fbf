"""What platforms set, and what then is needed."""

import json

import pytest

from receiver.settings.configuration import read_settings
from receiver.settings.setting_definitions import REDIS_VARIABLES
from tests.settings.reading import problems
from tests.support.expected_settings import PLATFORMS


@pytest.mark.parametrize("platform", PLATFORMS)
def test_on_a_platform_a_redis_address_is_needed(env: pytest.MonkeyPatch, platform: str) -> None:
    env.setenv(platform, "x")
    problem = problems()["REDIS_URL"]
    assert platform in problem
    assert "for example REDIS_URL=rediss://" in problem
    env.setenv("REDIS_URL", "redis://h")
    assert read_settings().redis_url == "redis://h"


def test_on_a_platform_a_wrong_redis_address_is_told_as_such(env: pytest.MonkeyPatch) -> None:
    env.setenv("RENDER", "true")
    for name in ("REDIS_URL", "RECEIVER_REDIS_URL"):
        env.setenv(name, "http://h")
        [(named, problem)] = problems().items()
        assert named == name
        assert "must begin with" in problem


def test_the_store_may_stand_under_the_names_that_providers_give_it(env: pytest.MonkeyPatch) -> None:
    """The first of them counts: our own, then the usual one, then those of providers, then Cloud Foundry's."""
    assert REDIS_VARIABLES[:2] == ("RECEIVER_REDIS_URL", "REDIS_URL")
    names = (*REDIS_VARIABLES, "VCAP_SERVICES")
    for number, name in reversed(list(enumerate(names))):
        url = f"rediss://:password@host-{number}:6380"
        env.setenv(
            name, url if name != "VCAP_SERVICES" else json.dumps({"p.redis": [{"credentials": {"uri": url}}]})
        )
        settings = read_settings()
        assert (settings.redis_url, settings.redis_variable) == (url, name)


def test_bound_services_without_a_store_among_them_are_no_store(env: pytest.MonkeyPatch) -> None:
    env.setenv("VCAP_APPLICATION", "{}")
    env.setenv("VCAP_SERVICES", json.dumps({"p.mysql": [{"credentials": {"uri": "mysql://h"}}]}))
    assert "VCAP_APPLICATION is set" in problems()["REDIS_URL"]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_on_a_platform_its_router_is_believed_unless_set(env: pytest.MonkeyPatch, platform: str) -> None:
    env.setenv(platform, "x")
    env.setenv("REDIS_URL", "redis://h")
    assert read_settings().trusted_proxies == 1
    env.setenv("RECEIVER_TRUSTED_PROXIES", "0")
    assert read_settings().trusted_proxies == 0


def test_the_platform_names_the_instance(env: pytest.MonkeyPatch) -> None:
    env.setenv("HOSTNAME", "pod-7")
    assert read_settings().instance == "pod-7"
    env.setenv("REDIS_URL", "redis://h")
    env.setenv("DYNO", "web.2")
    assert read_settings().instance == "web.2"
