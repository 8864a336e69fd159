"""Errors that this package raises on purpose, as one small tree; each is one sentence that a user can act on."""

from __future__ import annotations

from collections.abc import Mapping


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
