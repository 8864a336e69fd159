"""The command line, `liq COMMAND`: data go to stdout, everything else to stderr."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from contextlib import suppress

import liq
from liq import system
from liq.errors import DateOrderError, InputError, LiqError, SourceError

COMMANDS = {
    "zones": "the biggest zones above and below the price",
    "heatmap": "the map itself, as numbers or as a picture",
    "skill": "score the map against realised liquidations",
    "calibrate": "fit a prior to realised liquidations",
    "scan": "many markets at once, ranked by what is nearest and biggest",
    "watch": "follow tickers and print a line when something happens at a zone",
    "record": "record the venues' public liquidation streams",
    "positions": "collect what a venue's accounts hold, as snapshots",
    "app": "start the app in a browser",
}
"""The commands, each the module of that name in `liq/commands`."""

EPILOG = """python -m liq COMMAND --help says what each takes, with examples. Answers go to standard output, all else
to standard error. The simulated market needs no network, and is used only where named (--source simulated).

exit codes:
  0  answered
  1  something broke; the message says what
  2  the question makes no sense: an unknown option, ticker, lookback, file
  3  no source could answer
130  interrupted
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code, see EPILOG; arguments default to those of the process."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                # A terminal that lacks a character is no reason to fail, and lines end alike on every system.
                stream.reconfigure(errors="replace", newline="\n")
        args = _parser(arguments).parse_args(arguments)
        code: int = importlib.import_module(f"liq.commands.{args.command}").run(args)
        sys.stdout.flush()
        return code
    except InputError as error:
        return _fail(error, 2)
    except SourceError as error:
        return _fail(error, 3)
    except KeyboardInterrupt:
        return 130
    except (LiqError, OSError) as error:
        _drop_output()
        if isinstance(error, OSError) and system.reader_is_gone(error):
            return 0
        return _fail(error, 1)


def _parser(arguments: list[str]) -> argparse.ArgumentParser:
    """Return the parser; of the commands' modules only the requested one is imported, as imports take time."""
    parser = argparse.ArgumentParser(
        prog="liq",
        description="Estimate where leveraged crypto positions would be force-closed. Estimated structure, not a "
        "guarantee; education and entertainment only.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"liq {liq.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, sentence in COMMANDS.items():
        subparser = commands.add_parser(
            name,
            help=sentence,
            description=f"{sentence[0].upper()}{sentence[1:]}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name in arguments[:1]:
            importlib.import_module(f"liq.commands.{name}").arguments(subparser)
    return parser


def _drop_output() -> None:
    """Discard what is still to be written, or Python would try once more at the end and fail."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(error: Exception, code: int) -> int:
    more = f" Say --dates {' or --dates '.join(error.readings)}." if isinstance(error, DateOrderError) else ""
    print(f"liq: {error}{more}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
