"""Scan many markets: estimate each where an executor runs, reduce it to one row, and rank the rows.

Markets are fetched in the caller's thread, which keeps a venue's rate limit. Only fetched markets are submitted, a
bounded number at a time, and only rows come back.
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
"""Columns of a scan's table: its rank, from 1, missing where the market failed; its score; the row of
`liq.zones.summary`; and why it failed, or the empty string."""

MAX_FAILURES_IN_A_ROW = 5
"""Number of markets in a row that the source fails to give before the scan ends."""

MAX_RESTARTS = 3
"""Number of times an executor may lose its workers before the scan ends."""


class ScanRow(NamedTuple):
    """Hold the result of one ticker: its summary and score, or None, NaN and the error."""

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
    max_submitted: int = 4,
    fetch_in_worker: bool = False,
) -> Iterator[ScanRow]:
    """Yield each ticker's row once, as it is done.

    fetch : returns a ticker's market, called here, one after the other; with `fetch_in_worker`, for sources without a
    rate limit, called by the workers. executor : opens one of `concurrent.futures`' kind; where it loses its workers
    it is opened anew and their markets are submitted again. max_submitted : maximum number of submitted markets,
    which bounds memory.

    A market that fails is a row with an error. Raises SourceError where MAX_FAILURES_IN_A_ROW cannot be fetched, the
    last failure where none can, LiqError where the workers were lost more than MAX_RESTARTS times.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from liq.sources.simulation.market import simulate
    >>> fetch = lambda ticker: simulate(ticker, "12h", now="2026-09-01")
    >>> [row.ticker for row in scan(["BTC"], fetch, lambda: ThreadPoolExecutor(1))]
    ['BTC']
    """
    # One market at a time is fetched while submitted ones are estimated; the loop waits for a result only when
    # `max_submitted` markets are out. A market whose worker died goes back to the queue, so that none is lost and, as
    # its future never gave a row, none comes twice.
    prior, queue = as_prior(prior), deque(dict.fromkeys(tickers))
    submitted: dict[Future[ScanRow], str] = {}
    failures_in_a_row, failure, any_fetched, restarts = 0, LiqError("There is no ticker to scan."), False, 0
    pool = executor()
    try:
        while queue or submitted:
            workers_lost = False
            if queue and len(submitted) < max_submitted:
                ticker = queue.popleft()
                try:
                    market = None if fetch_in_worker else fetch(ticker)
                except LiqError as error:
                    failure, failures_in_a_row = error, failures_in_a_row + 1 if isinstance(error, SourceError) else 0
                    if failures_in_a_row >= MAX_FAILURES_IN_A_ROW:
                        raise
                    yield ScanRow(ticker, None, math.nan, str(error))
                    continue
                failures_in_a_row, any_fetched = 0, True
                try:
                    submitted[pool.submit(_row, ticker, prior, market, fetch if fetch_in_worker else None)] = ticker
                except BrokenExecutor:
                    queue.appendleft(ticker)
                    workers_lost = True
                done = {future for future in submitted if future.done()}
            else:
                done, _ = wait(submitted, return_when=FIRST_COMPLETED)
            for future in done:
                ticker = submitted.pop(future)
                try:
                    row = future.result()
                except (BrokenExecutor, CancelledError):
                    queue.appendleft(ticker)
                    workers_lost = True
                    continue
                except Exception as error:  # a cluster's own: no worker survived this market
                    row = _failed(ticker, error)
                yield row
            if workers_lost:
                restarts += 1
                if restarts > MAX_RESTARTS:
                    raise LiqError(f"The workers were lost {restarts} times; give them more memory, or use fewer.")
                queue.extendleft(submitted.values())
                submitted.clear()
                pool.shutdown(wait=False)
                pool = executor()
        if not any_fetched:
            raise failure
    finally:
        for future in submitted:
            future.cancel()
        pool.shutdown(wait=not submitted)


def _row(ticker: str, prior: Prior, market: Market | None, fetch: Callable[[str], Market] | None) -> ScanRow:
    """Return the row of a market, fetched here where it is None; this runs in the workers."""
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
    """Return the row of a market whose estimate failed unexpectedly."""
    return ScanRow(ticker, None, math.nan, f"{ticker} could not be estimated ({type(error).__name__}: {error}).")


def summarize_market(ticker: str, market: Market, prior: str | Prior = "calibrated") -> ScanRow:
    """Return the row of a fetched market; only its last bar is photographed. Raises InputError.

    >>> from liq.sources.simulation.market import simulate
    >>> summarize_market("BTC", simulate("BTC", "12h", now="2026-09-01")).score > 0
    True
    """
    summary = summarize(estimate(market, prior, columns=1))
    return ScanRow(ticker, summary, proximity_score(summary, market))


def proximity_score(summary: MarketSummary, market: Market) -> float:
    """Return how near and how big the better of a market's two strong zones is, on the market's own scale.

    score = USD of the zone / USD traded in a usual hour × P, where P = 2 Φ(−d / σ) is the chance that a walk without
    drift reaches a level within a day (the reflection principle): d is the log distance to the near edge, and σ
    the market's daily volatility over the visible window. So a score of 0.1 is six minutes of usual trade. It orders
    markets; it is no forecast. 0 where there is no zone, or where nothing is traded.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "12h", now="2026-09-01")
    >>> proximity_score(summarize(liq.estimate(market, columns=1)), market) > 0
    True
    """
    hourly_usd, sigma = hourly_volume(market), daily_volatility(market)
    best = 0.0
    for usd, distance in ((summary.above_usd, summary.above_distance), (summary.below_usd, summary.below_distance)):
        if hourly_usd > 0 and math.isfinite(usd):
            log_distance = abs(math.log1p(distance))
            steps = log_distance / sigma if sigma > 0 else math.inf if log_distance else 0.0
            best = max(best, usd / hourly_usd * math.erfc(steps / math.sqrt(2)))
    return best


def hourly_volume(market: Market) -> float:
    """Return USD traded in a mean hour of the visible window, over all venues in it.

    >>> from liq.sources.simulation.market import simulate
    >>> hourly_volume(simulate("BTC", "12h", now="2026-09-01")) > 1e6
    True
    """
    usd = 0.0
    for part in market.parts or (market,):
        bars = part.visible
        usd += float((bars["volume"] * bars["close"]).sum() / part.hours()[-len(bars) :].sum())
    return usd


def daily_volatility(market: Market) -> float:
    """Return the standard deviation of a day's log return, from the visible bars' ranges (Parkinson 1980).

    >>> from liq.sources.simulation.market import simulate
    >>> 0.001 < daily_volatility(simulate("BTC", "1d", now="2026-09-01")) < 0.2
    True
    """
    bars = market.visible
    squares = np.log(bars["high"].to_numpy() / bars["low"].to_numpy()) ** 2
    return float(np.sqrt(squares.sum() / (4 * math.log(2)) / market.hours()[-len(bars) :].sum() * 24))


def ranking_table(rows: Iterable[ScanRow], source: str) -> pd.DataFrame:
    """Return rows as a table of COLUMNS: the highest score first, equals by symbol, and those that failed last.

    >>> ranking_table([ScanRow("BTC", None, math.nan, "BTC is not listed.")], "gate")["error"].item()
    'BTC is not listed.'
    """
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
    text_columns = ("symbol", "source", "error")
    frame = pd.DataFrame(records, columns=list(COLUMNS)).astype(dict.fromkeys(text_columns, "str"))
    frame["as_of"] = pd.to_datetime(frame["as_of"], utc=True).astype("datetime64[us, UTC]")
    number_columns = frame.columns.difference([*text_columns, "as_of", "rank"])
    frame[number_columns] = frame[number_columns].astype(float)
    frame = frame.sort_values(["score", "symbol"], ascending=[False, True], na_position="last", ignore_index=True)
    frame["rank"] = pd.array(np.arange(1, len(frame) + 1), dtype="Int64")
    frame.loc[frame["error"] != "", "rank"] = pd.NA
    return frame
