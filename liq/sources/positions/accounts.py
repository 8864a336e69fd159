"""Accounts of a venue: what one holds, and how they are written in a file of one's own."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from liq.errors import InputError

ADDRESS = re.compile(r"0x[0-9a-f]{40}")
"""An account of Hyperliquid, anywhere in a text."""

MAX_ADDRESSES = 500_000
"""Maximum number of accounts kept in memory, some 60 MB."""

LARGEST = 1e15
"""Numbers from here on are no price and no size: the venue sent nonsense."""


class Position(NamedTuple):
    """One position of an account: coin, side, coins, entry, liquidation price (None where none), leverage, margin."""

    coin: str
    side: str
    coins: float
    entry: float
    liquidation_price: float | None
    leverage: float
    margin: str


def addresses(lines: Iterable[str], pattern: re.Pattern[str] = ADDRESS) -> Iterator[str]:
    """Yield the accounts in lines of text, each once, in lower case; a pattern's first group is the account.

    >>> list(addresses(["name,0x" + "A" * 40, "nothing here"]))[0][:6]
    '0xaaaa'
    """
    seen = set()
    for line in lines:
        for match in pattern.finditer(line.lower()):
            account = match[match.re.groups and 1]
            if account not in seen:
                seen.add(account)
                yield account


def addresses_in_file(path: str, pattern: re.Pattern[str] = ADDRESS, looks: str = "") -> list[str]:
    """Return the accounts in a text file, whatever else is in it; raise InputError where there are none.

    looks : what an account looks like, for the error.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "mine.txt"
    ...     _ = path.write_text("mine: 0x" + "Ab" * 20, encoding="utf-8")
    ...     len(addresses_in_file(str(path)))
    1
    """
    try:
        with open(path, "rb") as start:
            is_utf16 = start.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # PowerShell's > writes it
        with open(path, encoding="utf-16" if is_utf16 else "utf-8", errors="replace") as file:
            found = list(addresses(file, pattern))
    except OSError as error:
        raise InputError(f"{Path(path).name} cannot be read: {error.strerror or error}.") from None
    if not found:
        raise InputError(f"{Path(path).name} names no {looks or 'address: 0x and forty hexadecimal digits'}.")
    return found[:MAX_ADDRESSES]


def number(value: Any, otherwise: float = 0.0) -> float:
    """Return a number out of a venue's text, or `otherwise` where it is none, not finite or out of reach.

    >>> number("2.5"), number(None), number("nan")
    (2.5, 0.0, 0.0)
    """
    try:
        found = float(value)
    except (TypeError, ValueError):
        return otherwise
    return found if abs(found) < LARGEST else otherwise
