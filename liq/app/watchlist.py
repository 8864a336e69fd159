"""The watchlist: one row per ticker, loaded in parallel and cached until a bar closes; no market is cached here."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from cachetools import LRUCache, cached

from liq import formatting
from liq.app.real_positions import named_positions
from liq.errors import InputError, LiqError
from liq.market import Market, Quote, lookback
from liq.model.choice import AUTO, choose_map
from liq.model.estimate import estimate
from liq.model.leverage_bands import BANDS
from liq.model.observed import observe
from liq.scan.results import read_scan
from liq.sources import fetch, market_cache
from liq.sources.files.table import named_buffer
from liq.sources.venues.symbols import match_symbol
from liq.wording import ESTIMATE, REAL
from liq.zones.ranking import top_zones
from liq.zones.summary import MarketSummary, summarize, update_price

MAX_TICKERS = 40
"""Tickers on one list; for more there is `liq scan`."""

WORKERS = 6
"""Tickers loaded at once. Requests to one venue are made one after the other, so more workers would only wait."""

MAX_CACHED_ROWS = 1024
"""Rows cached for all sessions, a few kilobytes each."""


class WatchlistRequest(NamedTuple):
    """Hold what all rows have in common: lookback, source, prior, bands (`liq.model.leverage_bands.BANDS`), the map
    that is asked for (`liq.model.choice.MAPS`), and where windows of the archive end."""

    lookback: str = "7d"
    source: str = "auto"
    prior: str = "calibrated"
    bands: tuple[str, ...] = tuple(BANDS)
    map: str = AUTO
    until: pd.Timestamp | None = None


class WatchlistRow(NamedTuple):
    """Hold one ticker: its summary and zones (`top_zones`); after a failure None, no zones, and a note that says why.

    request : the request it answers; bar : opening time of the bar in which the row was loaded; loaded : when it was;
    provisional : it should be loaded again soon, as it is a failure, an answer from before the bar, or the simulated
    market in place of venues that did not answer; kind : of its map.
    """

    ticker: str
    request: WatchlistRequest
    summary: MarketSummary | None
    zones: pd.DataFrame
    note: str
    bar: pd.Timestamp
    loaded: pd.Timestamp
    provisional: bool
    kind: str = ESTIMATE


class _ProvisionalRow(Exception):
    """Carries a row that must not be cached for all sessions."""

    def __init__(self, row: WatchlistRow) -> None:
        super().__init__(row.note)
        self.row = row


def load_rows(
    tickers: Iterable[str], request: WatchlistRequest, previous: Mapping[str, WatchlistRow] | None = None
) -> Iterator[WatchlistRow]:
    """Yield a row for each ticker as soon as it is there, at most MAX_TICKERS; those that are not due come first.

    previous : the rows that were yielded before, by ticker. A complete row is cached for all sessions until its bar
    closes. A ticker that fails is a row as well, which only `previous` carries and which is soon due again. Raises
    InputError for a lookback that does not exist.

        >>> rows = {row.ticker: row for row in load_rows(["BTC", "NOSUCHCOIN"], WatchlistRequest("1d", "simulated"))}
        >>> rows["BTC"].summary.source, rows["NOSUCHCOIN"].summary
        ('simulated', None)
    """
    bar, due = _bar_opening(request.lookback), []
    for ticker in normalize_tickers(tickers):
        row = (previous or {}).get(ticker)
        if row is not None and row.request == request and not row_needs_refresh(row):
            yield row
        else:
            due.append(ticker)
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="watchlist") as pool:
        for future in as_completed([pool.submit(_load_row, ticker, request, bar) for ticker in due]):
            yield future.result()


@cached(LRUCache(4), condition=threading.Condition())
def uploaded_scan(content: bytes, name: str) -> tuple[str, pd.DataFrame]:
    """Return the name and the rows of an uploaded scan, see `liq.scan.results.read_scan`.

    >>> uploaded_scan(b"symbol,source\\nBTC,gate\\n", "scan.csv")
    Traceback (most recent call last):
    liq.errors.InputError: scan.csv is no scan: it lacks the column 'as_of'.
    """
    return read_scan(named_buffer(content, name))


def named_scan(path: str) -> tuple[str, pd.DataFrame]:
    """Return the name and the rows of the scan in a file, read once while the file is unchanged.

    >>> named_scan("nowhere.parquet")
    Traceback (most recent call last):
    liq.errors.InputError: nowhere.parquet cannot be read: No such file or directory.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        raise InputError(f"{Path(path).name} cannot be read: {error.strerror or error}.") from None
    return _named_scan(path, status.st_mtime_ns, status.st_size)


@cached(LRUCache(2), condition=threading.Condition())
def _named_scan(path: str, modified: int, size: int) -> tuple[str, pd.DataFrame]:
    return read_scan(path)


def normalize_tickers(tickers: Iterable[str]) -> list[str]:
    """Return tickers in capitals, without blanks and repeats, at most MAX_TICKERS.

    >>> normalize_tickers([" btc", "ETH", "", "BTC"])
    ['BTC', 'ETH']
    """
    return list(dict.fromkeys(filter(None, (str(ticker).strip()[:40].upper() for ticker in tickers))))[:MAX_TICKERS]


def row_needs_refresh(row: WatchlistRow) -> bool:
    """Return whether a row should be loaded again: a bar has closed, or it is provisional and no longer new.

    >>> (row,) = load_rows(["BTC"], WatchlistRequest("1d", "simulated"))
    >>> row_needs_refresh(row._replace(bar=row.bar - pd.Timedelta("1h")))
    True
    """
    old = market_cache.utc_now() - row.loaded > market_cache.PROVISIONAL_AGE
    has_closed = row.request.source != "archive" and row.bar != _bar_opening(row.request.lookback)
    return has_closed or (row.provisional and old)


def live_quotes(rows: Iterable[WatchlistRow]) -> dict[str, Quote]:
    """Return the live price of each row that has a market, by ticker, without those that could not be fetched.

    >>> quotes = live_quotes(load_rows(["BTC"], WatchlistRequest("1d", "simulated")))
    >>> quotes["BTC"].source
    'simulated'
    """
    summaries = {row.ticker: row.summary for row in rows if row.summary is not None}
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="quote") as pool:
        quotes = list(pool.map(_quote, summaries.values()))
    return {ticker: quote for ticker, quote in zip(summaries, quotes, strict=True) if quote is not None}


def at_live_price(row: WatchlistRow, quote: Quote | None) -> WatchlistRow:
    """Return a row updated to a live price; unchanged without one, or where it is older than the row.

    >>> (row,) = load_rows(["BTC"], WatchlistRequest("1d", "simulated"))
    >>> later = row.summary.as_of + pd.Timedelta("1min")
    >>> quote = Quote(row.summary.symbol, 1.01 * row.summary.price, later, "simulated")
    >>> at_live_price(row, quote).summary.price == quote.price
    True
    """
    if (
        row.summary is None
        or quote is None
        or formatting.naive_utc(quote.time) <= formatting.naive_utc(row.summary.as_of)
    ):
        return row
    zones = _zones_from(row.zones, quote.price)
    return row._replace(summary=update_price(row.summary, zones, quote.price, quote.time), zones=zones)


def split_rows(rows: Iterable[WatchlistRow]) -> tuple[dict[str, MarketSummary], dict[str, str]]:
    """Return the summaries by ticker, and by ticker the errors of the markets that could not be loaded.

    >>> summaries, errors = split_rows(load_rows(["BTC", "NOSUCHCOIN"], WatchlistRequest("1d", "simulated")))
    >>> list(summaries), list(errors)
    (['BTC'], ['NOSUCHCOIN'])
    """
    rows = list(rows)
    summaries = {row.ticker: row.summary for row in rows if row.summary is not None}
    return summaries, {row.ticker: row.note for row in rows if row.summary is None}


def notes_by_text(rows: Iterable[WatchlistRow]) -> dict[str, list[str]]:
    """Return the notes of rows, each with the tickers that have it.

    >>> notes = notes_by_text(load_rows(["BTC", "NOSUCHCOIN"], WatchlistRequest("1d", "simulated")))
    >>> list(notes.values())
    [['NOSUCHCOIN']]
    """
    tickers: dict[str, list[str]] = {}
    for row in rows:
        if row.note:
            tickers.setdefault(row.note, []).append(row.ticker)
    return tickers


def real_tickers(rows: Iterable[WatchlistRow]) -> list[str]:
    """Return the tickers whose map is of real positions.

    >>> real_tickers(load_rows(["BTC"], WatchlistRequest("1d", "simulated")))
    []
    """
    return [row.ticker for row in rows if row.summary is not None and row.kind == REAL]


def _bar_opening(window: str) -> pd.Timestamp:
    return market_cache.utc_now().floor(lookback(window).bar_length)


def _load_row(ticker: str, request: WatchlistRequest, bar: pd.Timestamp) -> WatchlistRow:
    try:
        row: WatchlistRow = _complete_row(ticker, request, bar)
        return row
    except _ProvisionalRow as provisional:
        return provisional.row


@cached(LRUCache(MAX_CACHED_ROWS), condition=threading.Condition())
def _complete_row(ticker: str, request: WatchlistRequest, bar: pd.Timestamp) -> WatchlistRow:
    """Return one ticker's row; raise _ProvisionalRow, so that it is not cached, for one to be loaded again soon."""
    now = market_cache.utc_now()
    try:
        market = fetch.fetch(ticker, lookback=request.lookback, source=request.source, as_of=request.until)
        if market.left_out and market.source == "simulated":  # the simulated market must not be shown as another coin
            match_symbol(ticker, [market.symbol], ("USDT",), "No venue answered, and the simulated market")
        chosen = choose_map(market, named_positions(market, request.map), request.map).positions
        # two columns, the least there can be: a row needs the last one only
        all_bands = estimate(market, request.prior, 2) if chosen is None else observe(market, chosen, 2)
        heatmap = all_bands.with_bands(request.bands)
        zones = top_zones(heatmap, market.price)
    except LiqError as error:
        raise _ProvisionalRow(
            WatchlistRow(ticker, request, None, pd.DataFrame(), str(error), bar, now, True)
        ) from error
    note, provisional = _source_note(market), market_cache.needs_refresh(market, now)
    row = WatchlistRow(ticker, request, summarize(heatmap, zones), zones, note, bar, now, provisional, heatmap.kind)
    if provisional or note:
        raise _ProvisionalRow(row._replace(provisional=True))
    return row


def _source_note(market: Market) -> str:
    """Return what must be said of a market that is not what was requested, else an empty string."""
    if market.source == "simulated" and market.left_out:
        return market.notes[0]
    return " ".join(market.notes) if "stale" in market.origins else ""


def _quote(summary: MarketSummary) -> Quote | None:
    try:
        return fetch.quote(summary.symbol, summary.source)
    except LiqError:  # the last price stays, with its age
        return None


def _zones_from(zones: pd.DataFrame, price: float) -> pd.DataFrame:
    """Return zones with distances from another price, without those that it has gone through."""
    above = zones["side"] == "above"
    away = np.where(above, np.maximum(zones["low"] / price - 1, 0.0), np.minimum(zones["high"] / price - 1, 0.0))
    ahead = np.where(above, zones["high"] > price, zones["low"] < price)
    return zones.assign(distance=away)[ahead]
