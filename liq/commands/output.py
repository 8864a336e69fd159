"""Where an answer goes: a file, or standard output."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from liq.errors import InputError

BINARY = ("parquet", "png")


def arguments(parser: argparse.ArgumentParser, formats: tuple[str, ...]) -> None:
    """Add the format, where there is a choice, and where to write."""
    if len(formats) > 1:
        parser.add_argument(
            "--format",
            choices=formats,
            metavar="FORMAT",
            help=f"{', '.join(formats)} (default: what --output ends in, else {formats[0]})",
        )
    parser.add_argument("--output", metavar="PATH", help="write to a file (default: standard output)")
    parser.set_defaults(formats=formats)


def output_format(asked: argparse.Namespace) -> str:
    """Return the format; raise InputError where it is binary and would be poured into a terminal."""
    ending = Path(asked.output or "").suffix.removeprefix(".").lower()
    name: str = asked.format or (ending if ending in asked.formats else asked.formats[0])
    if name in BINARY and asked.output is None and sys.stdout.isatty():
        raise InputError(f"{name} is not text; name a file with --output, or send it on with > or a pipe.")
    return name


def write_output(answer: str | bytes, asked: argparse.Namespace) -> None:
    """Write an answer where it was asked for; raise InputError where a file cannot be written."""
    data = answer if isinstance(answer, bytes) else answer.encode()
    if asked.output is None:
        if isinstance(answer, str):
            sys.stdout.write(answer if answer.endswith("\n") else answer + "\n")
        else:
            sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    try:
        Path(asked.output).write_bytes(data)
    except OSError as error:
        raise InputError(f"{asked.output} cannot be written: {error.strerror or error}.") from None
