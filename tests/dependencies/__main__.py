"""Run the pure tests with the lowest and with the newest versions of the dependencies that pyproject.toml allows.

    python -m tests.dependencies [--only lowest|newest] [TEST]…

Each set is installed into a throw-away virtual environment, beside the newest tools for testing.
"""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

import click
from packaging.requirements import Requirement

from tests.support.environments import PURE_TESTS, InstallError, environment, pure_tools, requirements


def lowest(requirement: Requirement) -> str:
    """Return a requirement of the lowest version that another one allows."""
    [version] = [one.version for one in requirement.specifier if one.operator == ">="]
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}=={version}"


SETS: Final[Mapping[str, Callable[[Requirement], str]]] = {"lowest": lowest, "newest": str}


@click.command(help=__doc__)
@click.option("--only", type=click.Choice(list(SETS)), help="One of the two sets.")
@click.argument("tests", nargs=-1)
def main(only: str | None, tests: tuple[str, ...]) -> None:
    tools = list(map(str, pure_tools()))
    dependencies = requirements("embedded")
    failed = [
        name
        for name in ([only] if only else SETS)
        if not passes(name, [*map(SETS[name], dependencies), *tools], tests)
    ]
    if failed:
        raise click.ClickException(f"The pure tests fail with the {' and the '.join(failed)} versions.")


def passes(name: str, packages: list[str], tests: tuple[str, ...]) -> bool:
    """Return whether the pure tests pass with these packages."""
    began = time.monotonic()
    with environment() as place:
        click.echo(f"{name} versions: {' '.join(packages)}")
        try:
            place.install(packages)
        except InstallError as error:
            click.echo(error, err=True)
            return False
        click.echo(f"installed in {time.monotonic() - began:.0f} s")
        return place.run_tests("-m", "pure", *(tests or PURE_TESTS)) == 0


if __name__ == "__main__":
    sys.exit(main())
