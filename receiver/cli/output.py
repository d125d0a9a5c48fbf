"""The output of commands: JSON in any encoding, and what to do when its reader has gone."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import click


def print_json(document: Mapping[str, Any], *, indent: int | None = None) -> None:
    """Print a document; all characters escaped if the output's encoding lacks one of them."""
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(document, indent=indent)
    click.echo(text)


def drop_output() -> None:
    """Redirect the output from a closed pipe to /dev/null: Python's own flush at the end would exit with 120."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
