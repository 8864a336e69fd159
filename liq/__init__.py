"""Estimate where leveraged crypto positions would be force-closed, from public market data alone."""

from liq.errors import InputError, LiqError, SourceError
from liq.market import LOOKBACKS, Market, Quote

__all__ = ["LOOKBACKS", "InputError", "LiqError", "Market", "Quote", "SourceError"]
