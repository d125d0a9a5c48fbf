"""Write the guide on settings from their definitions: `python -m tests.settings.settings_guide`."""

from itertools import groupby

import click

from receiver.settings.setting_definitions import GROUPS
from receiver.settings.setting_kinds import Setting
from tests.support.documents import GUIDES_FOLDER

GUIDE = GUIDES_FOLDER / "settings.md"

HEAD = """\
# Settings

Settings are variables of the environment. An empty variable counts as not set.

- `NAME_FILE` names a file from which `NAME` is read, for every variable: `RECEIVER_API_KEYS_FILE=/run/secrets/keys`.
- A wrong setting stops the start; the message names the variable and an example, and all wrong ones are named at once.
- `receiver check` reads your settings, connects to the store and fetches the signing keys.
- [Getting started](getting-started.md#connect-a-bot) lists the five that every deployment sets.
"""

TAIL = """
## The address of the store

| form | store |
|---|---|
| `redis://[user:password@]host:port[/db]` | a server; `valkey://` is the same |
| `rediss://…` | by TLS; `valkeys://` is the same |
| `unix:///path/of/socket` | a socket on this machine |
| `redis+sentinel://[user:password@]host:port,…/service[/db]` | the primary that the sentinels name |
| `rediss+sentinel://…` | the same, and the sentinels by TLS |

Passwords may be raw or percent-encoded. Options (`?name=value`): `db`; `family` (`0`, `4`, `6`); `ssl`, which must
agree with the scheme; `ssl_cert_reqs`, which must agree with `RECEIVER_REDIS_TLS_VERIFY`; and for sentinels
`sentinel_username`, `sentinel_password`, `sentinel_ssl`. Any other option is refused.

On a platform a missing store is an error at start: every instance would store results of its own.

## Traces

The OpenTelemetry SDK reads its other variables itself: `OTEL_SERVICE_NAME` (by default `receiver`),
`OTEL_RESOURCE_ATTRIBUTES`, `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER` and more.
"""


def settings_guide() -> str:
    """Return the text of the guide."""
    return HEAD + "".join(section(title, group) for title, group in GROUPS.items()) + TAIL


def section(title: str, group: tuple[Setting, ...]) -> str:
    """Return a section with its table, in which settings of the same meaning share a row."""
    lines = [f"\n## {title}\n", "| variable | default | meaning |", "|---|---|---|"]
    for (default, values, meaning), shared in groupby(group, key=row):
        names = ", ".join(f"`{setting.name}`" for setting in shared)
        lines.append(f"| {names} | {default}{f' ({values})' if values else ''} | {meaning} |")
    return "\n".join(lines) + "\n"


def row(setting: Setting) -> tuple[str, str, str]:
    return setting.default, setting.values, setting.meaning


@click.command()
def main() -> None:
    """Write the guide on settings from their definitions."""
    GUIDE.write_text(settings_guide(), encoding="utf-8")
    click.echo(f"Wrote {GUIDE}.")


if __name__ == "__main__":
    main()
