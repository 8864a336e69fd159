"""The same answers without a browser: `python -m liq COMMAND`. Data go to stdout, everything else to stderr."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from contextlib import suppress

import liq
from liq.errors import InputError, LiqError, SourceError

COMMANDS = {
    "zones": "the biggest zones above and below the price",
    "heatmap": "the map itself, as numbers or as a picture",
    "skill": "score the map against realised liquidations",
    "calibrate": "fit a prior to realised liquidations",
    "scan": "many markets at once, ranked by what is nearest and biggest",
    "watch": "follow tickers and print a line when something happens at a zone",
    "record": "record the venues' public liquidation streams",
    "app": "start the app in a browser",
}
"""What can be asked for; each is the room of that name in `liq/commands`."""

EXITS = """python -m liq COMMAND --help says what each takes, with examples. Answers go to standard output, all else
to standard error. The simulated market needs no network, but answers only when asked for (--source simulated).

exit codes:
  0  answered
  1  something broke; the message says what
  2  the question makes no sense: an unknown option, ticker, lookback, file
  3  no source could answer
130  interrupted
"""


def main(words: list[str] | None = None) -> int:
    """Run one command and return its exit code, see EXITS; words default to the process's own."""
    words = sys.argv[1:] if words is None else words
    try:
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")  # a terminal that lacks a sign is no reason to fail
        asked = _parser(words).parse_args(words)
        code: int = importlib.import_module(f"liq.commands.{asked.command}").run(asked)
        sys.stdout.flush()
        return code
    except InputError as error:
        return _sorry(error, 2)
    except SourceError as error:
        return _sorry(error, 3)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read the output has seen enough
        _drop_output()
        return 0
    except (LiqError, OSError) as error:
        _drop_output()
        return _sorry(error, 1)


def _parser(words: list[str]) -> argparse.ArgumentParser:
    """Return what reads the command line; of the commands' rooms it enters only the one that is asked for."""
    parser = argparse.ArgumentParser(
        prog="liq",
        description="Estimate where leveraged crypto positions would be force-closed. Estimated structure, not a "
        "guarantee; education and entertainment only.",
        epilog=EXITS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"liq {liq.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, sentence in COMMANDS.items():
        own = commands.add_parser(
            name,
            help=sentence,
            description=f"{sentence[0].upper()}{sentence[1:]}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name in words[:1]:  # a command pays for its own imports only
            importlib.import_module(f"liq.commands.{name}").arguments(own)
    return parser


def _drop_output() -> None:
    """Let what is still to be written go nowhere, or Python would try once more at the end and fail."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _sorry(error: Exception, code: int) -> int:
    print(f"liq: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
