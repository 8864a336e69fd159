"""Errors that this package raises on purpose, as one small tree; each is one sentence that a user can act on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

SHOWN, LISTED = 40, 160
"""Characters of a value, and of a list of names, in a sentence: what a file holds may be megabytes in one cell."""


def shown(value: object, most: int = SHOWN) -> str:
    r"""Return a value as a sentence shows it: on one line, without control characters, cut after most characters.

    >>> shown("50100\n50200"), shown("x" * 1_000_000, 5)
    ('50100 50200', 'xxxxx...')
    """
    text = str(value)
    cut = text[:most]
    line = "".join(sign if sign.isprintable() else " " for sign in cut)
    return line if len(text) <= most else f"{line}..."


def listed(names: Iterable[object], most: int = 12) -> str:
    """Return names as a sentence lists them: at most so many, each cut, and LISTED characters in all.

    >>> listed(["time", "open", "x" * 500, "close"], 3)
    'time, open, xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx... and 1 more'
    """
    texts = [shown(name) for name in names]
    few = texts[:most]
    while len(few) > 1 and sum(len(text) + 2 for text in few) > LISTED:
        few.pop()
    more = f" and {len(texts) - len(few):,} more" if len(few) < len(texts) else ""
    return ", ".join(few) + more


class LiqError(Exception):
    """Root of everything this package raises on purpose."""


class InputError(LiqError, ValueError):
    """What was passed in cannot be used; names the column or argument, the row and the value."""


class DateOrderError(InputError):
    """Dates in a file can be read in several orders of day, month and year, and nothing in the file decides.

    readings : the period (first, last; ISO 8601, UTC) that each of the orders would give.

    >>> DateOrderError("...", {"day-first": ("2025-12-01 00:00", "2025-12-11 23:55")}).readings["day-first"][0]
    '2025-12-01 00:00'
    """

    def __init__(self, sentence: str, readings: Mapping[str, tuple[str, str]]) -> None:
        super().__init__(sentence)
        self.readings = dict(readings)

    def __reduce__(self) -> tuple[type[DateOrderError], tuple[str, dict[str, tuple[str, str]]]]:
        """Keep the readings where the error is passed between processes."""
        return type(self), (str(self), self.readings)


class SourceError(LiqError):
    """No market could be had; names the venue, the reason and what to do."""
