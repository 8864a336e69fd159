"""The simulated market: traders with known positions behind candles that look like a venue's.

`simulate` returns the public side, a Market like a venue's; `simulate_with_true_book` adds the book that no venue
shows. The market exists on an absolute grid of minutes: one coin, seed, regime and magnet is one market,
in every lookback and at every time. A finished bar never changes, and a bar is exactly the sum of the finer bars that
another lookback shows in its place: prices, volume, open interest, liquidations. Only with a magnet does the past
depend on the time of the call, in 64-day steps (see `trading`).
"""

from __future__ import annotations

from threading import Lock
from typing import NamedTuple

import numpy as np
import pandas as pd
from cachetools import LRUCache

from liq.errors import InputError
from liq.market import Market, Origin, Quote
from liq.model.margin import brackets
from liq.sources.simulation.coins import COINS
from liq.sources.simulation.population import POPULATIONS
from liq.sources.simulation.price_path import DAY, REGIMES, Ticker, seed_key
from liq.sources.simulation.synthetic_tickers import NAMES, synthetic_ticker
from liq.sources.simulation.traders import MAX_MINUTES, TraderGroups
from liq.sources.simulation.trading import TradingRecord, groups_along, simulate_trading
from liq.sources.simulation.true_book import TrueBook, true_book
from liq.sources.simulation.view import View, checked_now, day_of, minute_of, second_of, view_at

SOURCE = "simulated"

NOTE = "This is a simulated market: invented traders and prices, not a venue's."

_MINUTE = pd.Timedelta(minutes=1)
_LOCK = Lock()
_RECORDS: LRUCache[_Spec, TradingRecord] = LRUCache(
    maxsize=1_100_000, getsizeof=lambda tape: len(tape.close)
)  # 70 MB
_SCAN_RECORDS: LRUCache[_Spec, TradingRecord] = LRUCache(
    maxsize=130_000, getsizeof=lambda tape: len(tape.close)
)  # 8 MB


class _Spec(NamedTuple):
    """Which market to simulate: coin, seed, regime, strength of the magnet, population."""

    coin: str
    seed: int
    regime: str
    magnet: float
    population: str


def simulate(
    symbol: str = "BTC",
    lookback: str = "7d",
    *,
    seed: int | None = None,
    now: object = None,
    regime: str = "calm",
    magnet: float = 0.0,
    population: str = "hedged",
) -> Market:
    """Return the simulated market of a coin, ending now, with its realised liquidations.

    symbol : a coin or symbol of `TICKERS`; lookback : a name of LOOKBACKS; seed : a whole number, None for the
    default market; now : UTC time, default the current one; regime : "calm", "trending" or "crash";
    magnet : 0 for none, 1 for a price drawn towards liquidation prices; population : who trades, a name of
    POPULATIONS. Raises InputError.

    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> market.symbol, len(market.visible)
    ('BTC/USDT:USDT', 672)
    """
    spec, view = _spec(symbol, seed, regime, magnet, population), view_at(lookback, now)
    return _market(spec, view, _cached_record(spec, view.first_day, view.last_day))


def simulate_with_true_book(
    symbol: str = "BTC",
    lookback: str = "7d",
    *,
    seed: int | None = None,
    now: object = None,
    regime: str = "calm",
    magnet: float = 0.0,
    population: str = "hedged",
) -> tuple[Market, TrueBook]:
    """Return the same market as `simulate`, and the book behind it. Raises InputError.

    >>> market, book = simulate_with_true_book("BTC", "12h", now="2026-09-01")
    >>> bool(book.standing()["notional"].sum() > 1e9)
    True
    """
    spec, view = _spec(symbol, seed, regime, magnet, population), view_at(lookback, now)
    record, groups = _new_record(spec, view.first_day, view.last_day, with_groups=True)
    market = _market(spec, view, record)
    return market, true_book(_coin(spec.coin).lot, record, groups, market)


def groups_open_at(
    symbol: str,
    minutes: np.ndarray,
    *,
    seed: int | None = None,
    regime: str = "calm",
    population: str = "hedged",
) -> tuple[TraderGroups, float, np.ndarray]:
    """Return the trader groups that were open at any of some minutes (since 1970, ascending), the coins of one lot,
    and open interest at each minute, coins. It is the book behind `simulate`'s candles. Raises InputError.

    >>> groups, lot, open_interest = groups_open_at("BTC", np.array([29_700_000, 29_700_060]))
    >>> len(groups.side) > 1000, lot, open_interest.shape
    (True, 0.001, (2,))
    """
    spec = _spec(symbol, seed, regime, 0.0, population)
    record = _cached_record(spec, (int(minutes[0]) - MAX_MINUTES) // DAY, int(minutes[-1]) // DAY)
    seeds, who = seed_key(spec.coin, spec.seed, spec.regime), POPULATIONS[spec.population]
    steps = brackets(spec.coin)
    groups = groups_along(_coin(spec.coin), steps, seeds, spec.regime, record, minutes, population=who)
    return groups, _coin(spec.coin).lot, record.open_interest[minutes - 1 - record.start]


def quote(
    symbol: str = "BTC",
    now: object = None,
    *,
    seed: int | None = None,
    regime: str = "calm",
    magnet: float = 0.0,
    population: str = "hedged",
) -> Quote:
    """Return the simulated price at a time, second by second along the candles. Raises InputError.

    >>> quote("BTC", "2026-09-01 12:34:56").symbol
    'BTC/USDT:USDT'
    """
    spec, time = _spec(symbol, seed, regime, magnet, population), checked_now(now)
    record = _cached_record(spec, day_of(time) - 1, day_of(time))
    minute = minute_of(time) - record.start
    price = float(_seconds(spec, record, minute)[second_of(time)])
    price_before = float(record.close[minute - DAY - 1]) if minute > DAY else record.before
    return Quote(f"{spec.coin}/USDT:USDT", price, time, SOURCE, price / price_before - 1.0)


def _spec(symbol: str, seed: int | None, regime: str, magnet: float, population: str) -> _Spec:
    """Return which market is meant; raise InputError for an unknown coin, seed, regime, magnet or population."""
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
    if population not in POPULATIONS:
        raise InputError(f"population must be one of {', '.join(POPULATIONS)}, not {population!r}.")
    return _Spec(coin, int(seed or 0), regime, float(magnet), population)


def _coin(name: str) -> Ticker:
    """Return a coin of COINS or a synthetic one."""
    return COINS[name] if name in COINS else synthetic_ticker(name)


def _new_record(
    spec: _Spec, first: int, last: int, *, with_groups: bool = False
) -> tuple[TradingRecord, list[TraderGroups]]:
    """Return the trading record of these days, and the trader groups if wanted."""
    seeds = seed_key(spec.coin, spec.seed, spec.regime)
    steps, who = brackets(spec.coin), POPULATIONS[spec.population]
    return simulate_trading(
        _coin(spec.coin), steps, seeds, spec.regime, spec.magnet, first, last, population=who, with_groups=with_groups
    )


def _cached_record(spec: _Spec, first: int, last: int) -> TradingRecord:
    """Return a trading record that holds these days; a longer one in the cache serves a shorter request."""
    cache = _RECORDS if spec.coin in COINS else _SCAN_RECORDS  # a scan makes hundreds, and few are used twice
    with _LOCK:
        record = cache.get(spec)
        if record is None or record.start > first * DAY or record.start + len(record.close) < (last + 1) * DAY:
            record, _ = _new_record(spec, first, last)
            if len(record.close) <= cache.maxsize:
                cache[spec] = record
        return record


def _market(spec: _Spec, view: View, record: TradingRecord) -> Market:
    """Return the record's minutes summed to the view's bars."""
    bars, now = view.bars, view.now
    minute, second = minute_of(now) - record.start, second_of(now)
    first = minute_of(bars[0]) - record.start
    minutes = slice(first, minute + (second > 0))
    close, high, low = record.close[minutes].copy(), record.high[minutes].copy(), record.low[minutes].copy()
    volume, interest = record.volume[minutes].copy(), record.open_interest[minutes].copy()
    dollars = np.stack((record.long[minutes], record.short[minutes]))
    if second:
        # The minute that is still running shows its seconds so far.
        so_far = _seconds(spec, record, minute)[: second + 1]
        close[-1], high[-1], low[-1] = so_far[-1], so_far.max(), so_far.min()
        volume[-1] *= second / 60
        dollars[:, -1] *= second / 60
        interest_before = record.open_interest[minute - 1] if minute else interest[-1]
        interest[-1] = interest_before + (interest[-1] - interest_before) * second / 60
    opens = bars.as_unit("s").asi8 // 60 - record.start - first
    close_before = np.concatenate(([record.close[first - 1] if first else record.before], close))
    ends = np.append(opens[1:], len(close))
    candles = pd.DataFrame(
        {
            "open": close_before[opens],
            "high": np.maximum(np.maximum.reduceat(high, opens), close_before[opens]),
            "low": np.minimum(np.minimum.reduceat(low, opens), close_before[opens]),
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
        start=view.start,
        price=float(close[-1]),
        as_of=now,
        bar=view.lookback.bar_length,
        tick=_coin(spec.coin).tick,
        brackets=brackets(spec.coin),
        liquidations=pd.DataFrame({"long": long, "short": short}, index=bars),
        origins={name: origin for name in ("candles", "open interest", "liquidations", "price")},
        notes=(NOTE,),
    )


def _seconds(spec: _Spec, record: TradingRecord, minute: int) -> np.ndarray:
    """Return the 61 prices, second by second, of a minute; they include its open, its extremes and its close."""
    rng = np.random.default_rng((*seed_key(spec.coin, spec.seed, spec.regime), 4, record.start + minute))
    first, last = record.close[minute - 1] if minute else record.before, record.close[minute]
    high, low = record.high[minute], record.low[minute]
    first_turn, second_turn = np.sort(rng.choice(np.arange(5, 55), 2, replace=False))
    turns = (low, high) if rng.random() < 0.5 + 0.4 * np.sign(last - first) else (high, low)
    second = np.arange(61)
    line = np.interp(second, (0, first_turn, second_turn, 60), (first, *turns, last))
    jitter = 0.12 * (high - low) * rng.standard_normal(61)
    jitter[[0, first_turn, second_turn, 60]] = 0.0
    tick = _coin(spec.coin).tick
    n_decimals = max(0, -int(np.floor(np.log10(tick) + 1e-9)))
    prices: np.ndarray = np.round(np.clip(np.round((line + jitter) / tick) * tick, low, high), n_decimals)
    return prices
