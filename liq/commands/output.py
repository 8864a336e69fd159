"""Write a command's output to a file or to standard output, in the chosen format."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from liq.errors import InputError

BINARY = ("parquet", "png")

DATA = ("csv", "json", "pine")
"""Text that programs read: a market's name must survive a pipe, also where the console lacks its characters."""


def arguments(parser: argparse.ArgumentParser, formats: tuple[str, ...]) -> None:
    """Add --output, and --format where there is a choice.

    >>> parser = argparse.ArgumentParser()
    >>> arguments(parser, ("json", "csv"))
    >>> parser.parse_args(["--format", "csv"]).format
    'csv'
    """
    if len(formats) > 1:
        parser.add_argument(
            "--format",
            choices=formats,
            metavar="FORMAT",
            help=f"{', '.join(formats)} (default: what --output ends in, else {formats[0]})",
        )
    else:
        parser.set_defaults(format=formats[0])
    parser.add_argument("--output", metavar="PATH", help="write to a file (default: standard output)")
    parser.set_defaults(formats=formats)


def output_format(args: argparse.Namespace) -> str:
    """Return the format; raise InputError where it is binary and the output is a terminal.

    >>> output_format(argparse.Namespace(output="btc.csv", format=None, formats=("json", "csv")))
    'csv'
    """
    ending = Path(args.output or "").suffix.removeprefix(".").lower()
    name: str = args.format or (ending if ending in args.formats else args.formats[0])
    if name in BINARY and args.output is None and sys.stdout.isatty():
        raise InputError(f"{name} is not text; name a file with --output, or send it on with > or a pipe.")
    return name


def write_output(content: str | bytes, args: argparse.Namespace) -> None:
    """Write text or bytes to --output, else to standard output; raise InputError where the file cannot be written.

    Files are the same bytes on every system, in UTF-8 and without carriage returns, and so are data in a pipe. Other
    text on standard output is in the console's encoding.

    >>> write_output("time,usd", argparse.Namespace(output=None, format="csv", formats=("csv",)))
    time,usd
    """
    if args.output is not None:
        _write_file(content if isinstance(content, bytes) else content.encode(errors="replace"), args.output)
        return
    if isinstance(content, bytes):
        sys.stdout.buffer.write(content)
    else:
        if output_format(args) in DATA and not sys.stdout.isatty() and hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(encoding="utf-8", errors="replace")
        sys.stdout.write(content if content.endswith("\n") else content + "\n")
    sys.stdout.flush()


def _write_file(data: bytes, path: str) -> None:
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from None
