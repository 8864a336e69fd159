"""Estimate where leveraged crypto positions would be force-closed, from public market data alone."""

from liq.calibration import calibrate
from liq.errors import InputError, LiqError, SourceError
from liq.estimate import estimate
from liq.heatmap import Heatmap
from liq.market import LOOKBACKS, Market, Quote
from liq.prior import PRIORS, Prior
from liq.skill import Skill, skill
from liq.sources.fetch import fetch, quote, tickers
from liq.zones import top_zones

__all__ = [
    "LOOKBACKS",
    "PRIORS",
    "Heatmap",
    "InputError",
    "LiqError",
    "Market",
    "Prior",
    "Quote",
    "Skill",
    "SourceError",
    "calibrate",
    "estimate",
    "fetch",
    "quote",
    "skill",
    "tickers",
    "top_zones",
]
