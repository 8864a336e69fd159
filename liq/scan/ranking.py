"""Many markets at once: each estimated wherever an executor runs, reduced to one row, and ranked.

Fetching stays with one owner, the caller's thread, which keeps a venue's rate limit; only markets that are at hand
are handed out, a bounded number at a time, and only rows come back.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.errors import LiqError, SourceError
from liq.market import Market, as_utc
from liq.model.estimate import estimate
from liq.model.prior import Prior, as_prior
from liq.zones.summary import MarketSummary, summarize

COLUMNS = ("rank", "score", *MarketSummary._fields, "error")
"""Columns of a scan's table: its rank, from 1, missing where the market failed; its score; the row of `liq.zones.summary`;
and why it failed, or the empty string."""

GONE = 5
"""So many markets in a row that the source did not give mean that it is gone."""

BREAKS = 3
"""So often may an executor lose all its workers before the scan ends."""


class ScanRow(NamedTuple):
    """Hold what became of one ticker: its summary and score, or None, NaN and the error."""

    ticker: str
    summary: MarketSummary | None
    score: float
    error: str = ""


def scan(
    tickers: Iterable[str],
    fetch: Callable[[str], Market],
    executor: Callable[[], Executor],
    *,
    prior: str | Prior = "calibrated",
    at_once: int = 4,
    apart: bool = False,
) -> Iterator[ScanRow]:
    """Yield each ticker's row once, as it is done.

    fetch : gives a ticker's market, called here, one after the other; with `apart`, for sources without a rate
    limit, by the workers. executor : opens one of `concurrent.futures`' kind; opened anew, and what it held done
    again, where it loses its workers. at_once : markets handed out at a time, which bounds the memory.

    A market that fails is a row with an error. Raises SourceError where GONE in a row cannot be fetched, the last
    failure where none can, LiqError where the workers were lost more than BREAKS times.
    """
    prior, queue = as_prior(prior), deque(dict.fromkeys(tickers))
    waiting: dict[Future[ScanRow], str] = {}
    silence, failure, handed, breaks = 0, LiqError("There is no ticker to scan."), False, 0
    pool = executor()
    try:
        while queue or waiting:
            lost = False
            if queue and len(waiting) < at_once:
                ticker = queue.popleft()
                try:
                    market = None if apart else fetch(ticker)
                except LiqError as error:
                    failure, silence = error, silence + 1 if isinstance(error, SourceError) else 0
                    if silence >= GONE:
                        raise
                    yield ScanRow(ticker, None, math.nan, str(error))
                    continue
                silence, handed = 0, True
                try:
                    waiting[pool.submit(_row, ticker, prior, market, fetch if apart else None)] = ticker
                except BrokenExecutor:
                    queue.appendleft(ticker)
                    lost = True
                done = {future for future in waiting if future.done()}
            else:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                ticker = waiting.pop(future)
                try:
                    row = future.result()
                except (BrokenExecutor, CancelledError):
                    queue.appendleft(ticker)
                    lost = True
                    continue
                except Exception as error:  # a cluster's own: no worker survived this market
                    row = _failed(ticker, error)
                yield row
            if lost:
                breaks += 1
                if breaks > BREAKS:
                    raise LiqError(f"The workers were lost {breaks} times; give them more memory, or use fewer.")
                queue.extendleft(waiting.values())
                waiting.clear()
                pool.shutdown(wait=False)
                pool = executor()
        if not handed:
            raise failure
    finally:
        for future in waiting:
            future.cancel()
        pool.shutdown(wait=not waiting)


def _row(ticker: str, prior: Prior, market: Market | None, fetch: Callable[[str], Market] | None) -> ScanRow:
    """Return the row of a market, fetched here where it is not at hand; this is what runs in the workers."""
    try:
        if market is None:
            assert fetch is not None
            market = fetch(ticker)
        return summarize_market(ticker, market, prior)
    except LiqError as error:
        return ScanRow(ticker, None, math.nan, str(error))
    except Exception as error:  # whatever one market does must not end the others' scan
        return _failed(ticker, error)


def _failed(ticker: str, error: Exception) -> ScanRow:
    return ScanRow(ticker, None, math.nan, f"{ticker} could not be estimated ({type(error).__name__}: {error}).")


def summarize_market(ticker: str, market: Market, prior: str | Prior = "calibrated") -> ScanRow:
    """Return the row of a market at hand; only its last bar is photographed. Raises InputError."""
    seen = summarize(estimate(market, prior, columns=1))
    return ScanRow(ticker, seen, proximity_score(seen, market))


def proximity_score(seen: MarketSummary, market: Market) -> float:
    """Return how near and how big the better of a market's two strong zones is, in the market's own terms.

    score = USD of the zone / USD traded in a usual hour × P, where P = 2 Φ(−d / σ) is the chance that a walk without
    drift reaches a level within a day (the reflection principle): d is the log distance to the near edge, and σ
    the market's daily volatility over the visible window. So a score of 0.1 is six minutes of usual trade. It orders
    markets; it is no forecast. 0 where there is no zone, or where nothing is traded.
    """
    traded, sigma = hourly_volume(market), daily_volatility(market)
    best = 0.0
    for usd, distance in ((seen.above_usd, seen.above_distance), (seen.below_usd, seen.below_distance)):
        if traded > 0 and math.isfinite(usd):
            away = abs(math.log1p(distance))
            steps = away / sigma if sigma > 0 else math.inf if away else 0.0
            best = max(best, usd / traded * math.erfc(steps / math.sqrt(2)))
    return best


def hourly_volume(market: Market) -> float:
    """Return USD traded in a mean hour of the visible window, over all venues in it."""
    usd = 0.0
    for part in market.parts or (market,):
        bars = part.visible
        usd += float((bars["volume"] * bars["close"]).sum() / part.hours()[-len(bars) :].sum())
    return usd


def daily_volatility(market: Market) -> float:
    """Return the standard deviation of a day's log return, from the visible bars' ranges (Parkinson 1980)."""
    bars = market.visible
    squares = np.log(bars["high"].to_numpy() / bars["low"].to_numpy()) ** 2
    return float(np.sqrt(squares.sum() / (4 * math.log(2)) / market.hours()[-len(bars) :].sum() * 24))


def ranking_table(rows: Iterable[ScanRow], source: str) -> pd.DataFrame:
    """Return rows as a table of COLUMNS: the highest score first, equals by symbol, and those that failed last."""
    records = []
    for row in rows:
        if row.summary is None:
            fields = dict.fromkeys(MarketSummary._fields, math.nan) | {
                "symbol": row.ticker,
                "source": source,
                "as_of": None,
            }
        else:
            fields = row.summary._asdict() | {"as_of": as_utc(row.summary.as_of, "as_of")}
        records.append({"score": row.score, **fields, "error": row.error})
    words = ("symbol", "source", "error")
    frame = pd.DataFrame(records, columns=list(COLUMNS)).astype(dict.fromkeys(words, "str"))
    frame["as_of"] = pd.to_datetime(frame["as_of"], utc=True).astype("datetime64[us, UTC]")
    numbers = frame.columns.difference([*words, "as_of", "rank"])
    frame[numbers] = frame[numbers].astype(float)
    frame = frame.sort_values(["score", "symbol"], ascending=[False, True], na_position="last", ignore_index=True)
    frame["rank"] = pd.array(np.arange(1, len(frame) + 1), dtype="Int64")
    frame.loc[frame["error"] != "", "rank"] = pd.NA
    return frame
