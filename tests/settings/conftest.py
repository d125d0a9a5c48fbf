"""An environment in which no setting is set."""

import os

import pytest

from tests.support.expected_settings import NAMES, PLATFORMS


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if (
            name.removesuffix("_FILE") in {*NAMES, *PLATFORMS, "HOSTNAME"}
            or name in {"https_proxy", "no_proxy"}
            or name.startswith("RAILWAY_")
        ):
            monkeypatch.delenv(name)


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Sets variables by `env.setenv`; no setting is set at first."""
    return monkeypatch
