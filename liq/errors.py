"""Errors that this package raises on purpose, as one small tree; each is one sentence that a user can act on."""


class LiqError(Exception):
    """Root of everything this package raises on purpose."""


class InputError(LiqError, ValueError):
    """What was passed in cannot be used; names the column or argument, the row and the value."""


class SourceError(LiqError):
    """No market could be had; names the venue, the reason and what to do."""
