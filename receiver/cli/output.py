"""The output of commands: JSON in any encoding, and an end where it is not read any more."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import click


def print_json(document: Mapping[str, Any], *, indent: int | None = None) -> None:
    """Print a document; with escapes where the output's encoding lacks a character."""
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(document, indent=indent)
    click.echo(text)


def drop_output() -> None:
    """Let nothing more be written to a closed pipe: Python's own flush at the end would exit with 120."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
