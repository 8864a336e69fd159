"""A list of tickers, each in one row: read at the same time, kept until a bar closes, and never more than rows."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import NamedTuple

import numpy as np
import pandas as pd
from cachetools import LRUCache, cached

from liq import formatting
from liq.errors import LiqError
from liq.market import Market, Quote, lookback
from liq.model.estimate import estimate
from liq.model.leverage_bands import BANDS, select_bands
from liq.sources import fetch, market_cache
from liq.sources.venues.symbols import match_symbol
from liq.zones.ranking import top_zones
from liq.zones.summary import MarketSummary, summarize, update_price

MAX_TICKERS = 40
"""Tickers on one list; more are a scan."""

WORKERS = 6
"""Tickers read at once. A venue is asked one thing at a time whoever asks, so more would only wait."""

MAX_CACHED_ROWS = 1024
"""Rows kept for everybody, a few kilobytes each; no market and no estimate is kept here."""


class WatchlistRequest(NamedTuple):
    """Say what rows are asked for: one lookback, source, prior and choice of leverage (`liq.model.leverage_bands.BANDS`) for all."""

    lookback: str = "7d"
    source: str = "auto"
    prior: str = "calibrated"
    bands: tuple[str, ...] = tuple(BANDS)


class WatchlistRow(NamedTuple):
    """Hold one ticker: its summary and zones (`top_zones`), or None and none of them, and the sentence that says why.

    asked : what for; bar : when the bar opened that it was read in; read : when; makeshift : that it should soon be
    read again: a failure, an answer from before the bar, or the simulated market where no venue answered.
    """

    ticker: str
    asked: WatchlistRequest
    summary: MarketSummary | None
    zones: pd.DataFrame
    note: str
    bar: pd.Timestamp
    read: pd.Timestamp
    makeshift: bool


class _Makeshift(Exception):
    """Carries a row that must not be kept for everybody."""

    def __init__(self, row: WatchlistRow) -> None:
        super().__init__(row.note)
        self.row = row


def load_rows(
    tickers: Iterable[str], asked: WatchlistRequest, held: Mapping[str, WatchlistRow] | None = None
) -> Iterator[WatchlistRow]:
    """Yield a row for each ticker as they come, at most MOST of them; those that are not due come first.

    held : the rows that were yielded before, by ticker. A good row is kept until its bar closes, for everybody; a
    ticker that fails is a row as well, which only `held` keeps, and not for long. Raises InputError for a lookback
    that does not exist.
    """
    bar, due = _bar(asked.lookback), []
    for ticker in normalize_tickers(tickers):
        row = (held or {}).get(ticker)
        if row is not None and row.asked == asked and not row_needs_refresh(row):
            yield row
        else:
            due.append(ticker)
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="watch") as pool:
        for done in as_completed([pool.submit(_either, ticker, asked, bar) for ticker in due]):
            yield done.result()


def normalize_tickers(tickers: Iterable[str]) -> list[str]:
    """Return tickers as they are looked up: without blanks and doubles, at most MOST."""
    return list(dict.fromkeys(filter(None, (str(ticker).strip()[:40].upper() for ticker in tickers))))[:MAX_TICKERS]


def row_needs_refresh(row: WatchlistRow) -> bool:
    """Return whether a row should be read again: a bar has closed, or it was a makeshift some time ago."""
    old = pd.Timestamp.now("UTC") - row.read > market_cache.PROVISIONAL_AGE
    return row.bar != _bar(row.asked.lookback) or (row.makeshift and old)


def live_quotes(found: Iterable[WatchlistRow]) -> dict[str, Quote]:
    """Return the live price of each row that has a market, by ticker; those that cannot be had are left out."""
    known = {row.ticker: row.summary for row in found if row.summary is not None}
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="quote") as pool:
        told = list(pool.map(_quote, known.values()))
    return {ticker: quote for ticker, quote in zip(known, told, strict=True) if quote is not None}


def at_live_price(row: WatchlistRow, quote: Quote | None) -> WatchlistRow:
    """Return a row as it reads at a live price; as it was without one, or with one that is older than the row."""
    if (
        row.summary is None
        or quote is None
        or formatting.naive_utc(quote.time) <= formatting.naive_utc(row.summary.as_of)
    ):
        return row
    zones = _from(row.zones, quote.price)
    return row._replace(summary=update_price(row.summary, zones, quote.price, quote.time), zones=zones)


def split_rows(rows: Iterable[WatchlistRow]) -> tuple[dict[str, MarketSummary], dict[str, str]]:
    """Return the summaries by ticker, and the errors by ticker of the markets that could not be had."""
    rows = list(rows)
    summaries = {row.ticker: row.summary for row in rows if row.summary is not None}
    return summaries, {row.ticker: row.note for row in rows if row.summary is None}


def notes_by_text(found: Iterable[WatchlistRow]) -> dict[str, list[str]]:
    """Return what there is to say of rows, with the tickers that it is said of."""
    said: dict[str, list[str]] = {}
    for row in found:
        if row.note:
            said.setdefault(row.note, []).append(row.ticker)
    return said


def _bar(window: str) -> pd.Timestamp:
    return pd.Timestamp.now("UTC").floor(lookback(window).bar_length)


def _either(ticker: str, asked: WatchlistRequest, bar: pd.Timestamp) -> WatchlistRow:
    try:
        row: WatchlistRow = _read(ticker, asked, bar)
        return row
    except _Makeshift as makeshift:
        return makeshift.row


@cached(LRUCache(MAX_CACHED_ROWS), condition=threading.Condition())
def _read(ticker: str, asked: WatchlistRequest, bar: pd.Timestamp) -> WatchlistRow:
    """Return one ticker's row; raise _Makeshift, which keeps it out of the cache, for one to be read again soon."""
    now = pd.Timestamp.now("UTC")
    try:
        market = fetch.fetch(ticker, lookback=asked.lookback, source=asked.source)
        if market.left_out and market.source == "simulated":  # what stands in must not go by another coin's name
            match_symbol(ticker, [market.symbol], ("USDT",), "No venue answered, and the simulated market")
        # two photographs: what a row says needs the last one only
        heatmap = select_bands(estimate(market, prior=asked.prior, columns=2), asked.bands)
        zones = top_zones(heatmap, market.price)
    except LiqError as error:
        raise _Makeshift(WatchlistRow(ticker, asked, None, pd.DataFrame(), str(error), bar, now, True)) from error
    note, makeshift = _said(market), market_cache.needs_refresh(market, now)
    row = WatchlistRow(ticker, asked, summarize(heatmap, zones), zones, note, bar, now, makeshift)
    if makeshift or note:
        raise _Makeshift(row._replace(makeshift=True))
    return row


def _said(market: Market) -> str:
    """Return what must be said of an answer that is not what was asked for."""
    if market.source == "simulated" and market.left_out:
        return market.notes[0]
    return " ".join(market.notes) if "stale" in market.origins else ""


def _quote(at: MarketSummary) -> Quote | None:
    try:
        return fetch.quote(at.symbol, at.source)
    except LiqError:  # the last price stays, with its age
        return None


def _from(zones: pd.DataFrame, price: float) -> pd.DataFrame:
    """Return zones as they lie from another price; those that it has gone through are not there any more."""
    above = zones["side"] == "above"
    away = np.where(above, np.maximum(zones["low"] / price - 1, 0.0), np.minimum(zones["high"] / price - 1, 0.0))
    ahead = np.where(above, zones["high"] > price, zones["low"] < price)
    return zones.assign(distance=away)[ahead]
