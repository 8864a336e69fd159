"""Estimate where leveraged crypto positions would be force-closed, from public market data alone.

>>> import liq
>>> heatmap = liq.estimate(liq.fetch("BTC", lookback="1d", source="simulated"))
>>> zones = liq.top_zones(heatmap)
>>> [column for column in ("side", "low", "high", "usd") if column in zones]
['side', 'low', 'high', 'usd']
"""

from liq.errors import InputError, LiqError, SourceError
from liq.market import LOOKBACKS, Market, Quote
from liq.model.estimate import estimate
from liq.model.heatmap import Heatmap
from liq.model.observed import observe
from liq.model.prior import PRIORS, Prior
from liq.positions import Positions
from liq.sources.fetch import fetch, quote, tickers
from liq.sources.file_worker.readers import read_positions
from liq.validation.calibration import calibrate
from liq.validation.positions.comparison import Comparison, compare
from liq.validation.skill import Skill, skill
from liq.zones.ranking import top_zones

__version__ = "0.2.0"

__all__ = [
    "LOOKBACKS",
    "PRIORS",
    "Comparison",
    "Heatmap",
    "InputError",
    "LiqError",
    "Market",
    "Positions",
    "Prior",
    "Quote",
    "Skill",
    "SourceError",
    "calibrate",
    "compare",
    "estimate",
    "fetch",
    "observe",
    "quote",
    "read_positions",
    "skill",
    "tickers",
    "top_zones",
]
