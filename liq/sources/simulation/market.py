"""The simulated market: traders whose positions are known, behind candles that look like any venue's.

`simulate` gives the public side, a Market like a venue's; `simulate_with_truth` adds the book that no venue
shows. The market exists on an absolute grid of minutes: one coin, seed, regime and magnet is one market,
whichever lookback it is seen through and whenever it is asked for. A finished bar never changes, and a bar
holds exactly what the finer bars that another lookback shows in its place hold together: prices, volume,
open interest, liquidations. Only with a magnet does the past depend on when it is asked, in 64-day steps (see tape).
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd
from cachetools import LRUCache

from liq.errors import InputError
from liq.market import Lookback, Market, Origin, Quote, as_utc, bar_length
from liq.market import lookback as named_lookback
from liq.model.margin import brackets
from liq.sources.simulation.price_path import DAY, EPOCH, REGIMES, Ticker, seed_key
from liq.sources.simulation.synthetic_tickers import NAMES, synthetic_ticker
from liq.sources.simulation.traders import TraderGroups
from liq.sources.simulation.trading import TradingRecord, simulate_trading
from liq.sources.simulation.true_book import TrueBook, true_book

SOURCE = "simulated"

NOTE = "This is a simulated market: invented traders and prices, not a venue's."

COINS: Mapping[str, Ticker] = MappingProxyType(
    {
        "BTC": Ticker(68_000.0, 0.1, 0.001, 0.022, 90_000.0),
        "ETH": Ticker(2_450.0, 0.01, 0.001, 0.031, 2_100_000.0),
        "SOL": Ticker(110.0, 0.01, 0.01, 0.038, 9_000_000.0),
        "XRP": Ticker(1.60, 0.0001, 0.1, 0.037, 380_000_000.0),
        "DOGE": Ticker(0.105, 0.00001, 1.0, 0.042, 1_900_000_000.0),
        "BNB": Ticker(780.0, 0.01, 0.01, 0.025, 600_000.0),
        "ADA": Ticker(0.29, 0.0001, 1.0, 0.041, 300_000_000.0),
        "AVAX": Ticker(10.0, 0.001, 0.1, 0.043, 9_000_000.0),
        "LINK": Ticker(9.5, 0.001, 0.01, 0.041, 11_000_000.0),
        "SUI": Ticker(1.15, 0.0001, 0.1, 0.047, 110_000_000.0),
        "LTC": Ticker(58.0, 0.01, 0.001, 0.034, 2_100_000.0),
        "HYPE": Ticker(30.0, 0.001, 0.01, 0.050, 15_000_000.0),
    }
)
"""Round figures of the right order for each coin, so that the numbers on screen look as they would."""

TICKERS: tuple[str, ...] = tuple(f"{coin}/USDT:USDT" for coin in COINS)
"""Every symbol the simulated market shows, by weight; `universe` has more."""

_MINUTE = pd.Timedelta(minutes=1)
_LOCK = Lock()
_TAPES: LRUCache[_Spec, TradingRecord] = LRUCache(maxsize=1_100_000, getsizeof=lambda tape: len(tape.close))  # 70 MB
_PASSING: LRUCache[_Spec, TradingRecord] = LRUCache(maxsize=130_000, getsizeof=lambda tape: len(tape.close))  # 8 MB


def coins_to_simulate(count: int) -> list[str]:
    """Return so many coins to simulate, at most 1,011: those of COINS first, then made-up ones. Raises InputError.

    >>> universe(14)[-3:]
    ['HYPE', 'SIM001', 'SIM002']
    """
    coins = [*COINS, *NAMES]
    if count > len(coins):
        raise InputError(f"The simulated market has {len(coins)} coins, not {count}.")
    return coins[:count]


class _Spec(NamedTuple):
    """Which market: coin, seed, regime, strength of the magnet."""

    coin: str
    seed: int
    regime: str
    magnet: float


def simulate(
    symbol: str = "BTC",
    lookback: str = "7d",
    *,
    seed: int | None = None,
    now: object = None,
    regime: str = "calm",
    magnet: float = 0.0,
) -> Market:
    """Return the simulated market of a coin, ending now, with its realised liquidations.

    symbol : a coin or symbol of `TICKERS`; lookback : a name of LOOKBACKS; seed : a whole number, None for the
    market everybody sees; now : UTC time, default the current one; regime : "calm", "trending" or "crash";
    magnet : 0 for none, 1 for a price drawn towards forced-close prices. Raises InputError.
    """
    spec, moment = _spec(symbol, seed, regime, magnet), _now(now)
    window = named_lookback(lookback)
    bars, start = _bars(window, moment)
    return _market(spec, _tape(spec, _day(bars[0]), _day(moment)), bars, start, window, moment)


def simulate_with_true_book(
    symbol: str = "BTC",
    lookback: str = "7d",
    *,
    seed: int | None = None,
    now: object = None,
    regime: str = "calm",
    magnet: float = 0.0,
) -> tuple[Market, TrueBook]:
    """Return the same market as `simulate`, and the book that stood behind it. Raises InputError."""
    spec, moment = _spec(symbol, seed, regime, magnet), _now(now)
    window = named_lookback(lookback)
    bars, start = _bars(window, moment)
    tape, kept = _record(spec, _day(bars[0]), _day(moment), with_crowds=True)
    market = _market(spec, tape, bars, start, window, moment)
    return market, true_book(_coin(spec.coin).lot, tape, kept, market)


def quote(
    symbol: str = "BTC",
    now: object = None,
    *,
    seed: int | None = None,
    regime: str = "calm",
    magnet: float = 0.0,
) -> Quote:
    """Return the simulated price at a moment, second by second on the way the candles go. Raises InputError."""
    spec, moment = _spec(symbol, seed, regime, magnet), _now(now)
    tape = _tape(spec, _day(moment) - 1, _day(moment))
    minute = _minute(moment) - tape.start
    price = float(_seconds(spec, tape, minute)[_second(moment)])
    past = float(tape.close[minute - DAY - 1]) if minute > DAY else tape.before
    return Quote(f"{spec.coin}/USDT:USDT", price, moment, SOURCE, price / past - 1.0)


def _spec(symbol: str, seed: int | None, regime: str, magnet: float) -> _Spec:
    coin = str(symbol).upper().split("/")[0]
    coin = next((name for name in (coin, coin.removesuffix("USDT")) if name in COINS or name in NAMES), "")
    if not coin:
        raise InputError(f"The simulated market has no {symbol!r}; it has {', '.join(COINS)}.")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0):
        raise InputError(f"seed must be a whole number from 0, or None, not {seed!r}.")
    if regime not in REGIMES:
        raise InputError(f"regime must be one of {', '.join(REGIMES)}, not {regime!r}.")
    if not (np.isfinite(magnet) and 0 <= magnet <= 5):
        raise InputError(f"magnet must lie between 0 and 5, not {magnet!r}.")
    return _Spec(coin, int(seed or 0), regime, float(magnet))


def _coin(name: str) -> Ticker:
    return COINS[name] if name in COINS else synthetic_ticker(name)


def _now(now: object) -> pd.Timestamp:
    moment = pd.Timestamp.now(tz="UTC") if now is None else as_utc(now, "now")
    earliest = pd.Timestamp(EPOCH + 500, unit="D", tz="UTC")
    if not earliest <= moment < pd.Timestamp("2200-01-01", tz="UTC"):
        raise InputError(f"now must lie between {earliest:%Y-%m-%d} and 2199, not {now!r}.")
    return moment


def _minute(moment: pd.Timestamp) -> int:
    return int(moment.timestamp() // 60)


def _second(moment: pd.Timestamp) -> int:
    return int(moment.timestamp() % 60)


def _day(moment: pd.Timestamp) -> int:
    return _minute(moment) // DAY


def _bars(window: Lookback, now: pd.Timestamp) -> tuple[pd.DatetimeIndex, pd.Timestamp]:
    """Return every bar's open time, warm-up and visible, and where the visible ones begin.

    The warm-up ends in a few bars of the visible length where its own do not meet the window's edge.
    """
    bar, coarse = window.bar_length, bar_length(window.warmup_bar)
    # A bar that opens this very second has traded nothing yet; the one before it is the last.
    last = (now - pd.Timedelta(seconds=1)).floor(bar)
    start = last - (window.window // bar - 1) * bar
    fine_start = start.floor(coarse)
    warm = pd.date_range((fine_start - window.warmup).floor(coarse), fine_start, freq=coarse, inclusive="left")
    return pd.DatetimeIndex(warm.append(pd.date_range(fine_start, last, freq=bar))), start


def _record(
    spec: _Spec, first: int, last: int, *, with_crowds: bool = False
) -> tuple[TradingRecord, list[TraderGroups]]:
    seeds = seed_key(spec.coin, spec.seed, spec.regime)
    steps = brackets(spec.coin)
    return simulate_trading(
        _coin(spec.coin), steps, seeds, spec.regime, spec.magnet, first, last, with_crowds=with_crowds
    )


def _tape(spec: _Spec, first: int, last: int) -> TradingRecord:
    """Return a tape that holds those days; a longer one already made serves the shorter ask."""
    tapes = _TAPES if spec.coin in COINS else _PASSING  # hundreds pass by in a scan, and few are looked at twice
    with _LOCK:
        held = tapes.get(spec)
        if held is None or held.start > first * DAY or held.start + len(held.close) < (last + 1) * DAY:
            held, _ = _record(spec, first, last)
            if len(held.close) <= tapes.maxsize:
                tapes[spec] = held
        return held


def _market(
    spec: _Spec, tape: TradingRecord, bars: pd.DatetimeIndex, start: pd.Timestamp, window: Lookback, now: pd.Timestamp
) -> Market:
    minute, second = _minute(now) - tape.start, _second(now)
    begin = _minute(bars[0]) - tape.start
    cut = slice(begin, minute + (second > 0))
    close, high, low = tape.close[cut].copy(), tape.high[cut].copy(), tape.low[cut].copy()
    volume, interest = tape.volume[cut].copy(), tape.open_interest[cut].copy()
    dollars = np.stack((tape.long[cut], tape.short[cut]))
    if second:
        # The minute that is still running shows what its seconds have shown so far.
        so_far = _seconds(spec, tape, minute)[: second + 1]
        close[-1], high[-1], low[-1] = so_far[-1], so_far.max(), so_far.min()
        volume[-1] *= second / 60
        dollars[:, -1] *= second / 60
        before = tape.open_interest[minute - 1] if minute else interest[-1]
        interest[-1] = before + (interest[-1] - before) * second / 60
    opens = bars.as_unit("s").asi8 // 60 - tape.start - begin
    left = np.concatenate(([tape.close[begin - 1] if begin else tape.before], close))
    ends = np.append(opens[1:], len(close))
    candles = pd.DataFrame(
        {
            "open": left[opens],
            "high": np.maximum(np.maximum.reduceat(high, opens), left[opens]),
            "low": np.minimum(np.minimum.reduceat(low, opens), left[opens]),
            "close": close[ends - 1],
            "volume": np.add.reduceat(volume, opens),
        },
        index=bars,
    )
    long, short = np.add.reduceat(dollars, opens, axis=1)
    origin = Origin(SOURCE, now)
    return Market(
        symbol=f"{spec.coin}/USDT:USDT",
        source=SOURCE,
        candles=candles,
        open_interest=pd.Series(interest[ends - 1], index=bars),
        start=start,
        price=float(close[-1]),
        as_of=now,
        bar=window.bar_length,
        tick=_coin(spec.coin).tick,
        brackets=brackets(spec.coin),
        liquidations=pd.DataFrame({"long": long, "short": short}, index=bars),
        origins={name: origin for name in ("candles", "open interest", "liquidations", "price")},
        notes=(NOTE,),
    )


def _seconds(spec: _Spec, tape: TradingRecord, minute: int) -> np.ndarray:
    """Return the 61 prices, second by second, that a minute goes through: its open, extremes and close included."""
    rng = np.random.default_rng((*seed_key(spec.coin, spec.seed, spec.regime), 4, tape.start + minute))
    first, last = tape.close[minute - 1] if minute else tape.before, tape.close[minute]
    high, low = tape.high[minute], tape.low[minute]
    early, late = np.sort(rng.choice(np.arange(5, 55), 2, replace=False))
    turns = (low, high) if rng.random() < 0.5 + 0.4 * np.sign(last - first) else (high, low)
    second = np.arange(61)
    line = np.interp(second, (0, early, late, 60), (first, *turns, last))
    jitter = 0.12 * (high - low) * rng.standard_normal(61)
    jitter[[0, early, late, 60]] = 0.0
    tick = _coin(spec.coin).tick
    places = max(0, -int(np.floor(np.log10(tick) + 1e-9)))
    prices: np.ndarray = np.round(np.clip(np.round((line + jitter) / tick) * tick, low, high), places)
    return prices
