"""Reading wrong settings."""

import pytest

from receiver.settings.configuration import SettingsError, read_settings


def problems() -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        read_settings()
    return caught.value.problems
