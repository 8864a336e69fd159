"""The venues' endpoints as functions: rows in the package's units (coins, USD, milliseconds UTC)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from liq.sources.venues.client import Connection, Contract, call
from liq.sources.venues.failures import RetryBudget, VenueFailure

Tier = tuple[float, float, float, float]


class OpenInterestRow(NamedTuple):
    """One row of open interest: UTC ms as stamped, coins, the venue's USD value and liquidations where it states
    them."""

    time: int
    coins: float
    usd: float
    long: float
    short: float


def candles(
    connection: Connection, budget: RetryBudget, contract: Contract, bar: str, since: int, count: int
) -> list[list[Any]]:
    """Return candles as rows of time (UTC ms, bar open), open, high, low, close, volume in coins."""

    def request(exchange: Any) -> list[list[Any]]:
        bounds = {}
        if connection.venue.candle_count:
            until = since + count * exchange.parse_timeframe(bar) * 1000 - 1
            bounds = {"until": until, connection.venue.candle_count: count}
        rows = exchange.fetch_ohlcv(contract.symbol, bar, since, count, bounds)
        answered_symbol = get_path(exchange.last_json_response, connection.venue.answer_symbol)
        if answered_symbol is not None and str(answered_symbol).upper() not in contract_names(contract):
            raise VenueFailure(
                f"answered about {str(answered_symbol)[:20]} when asked about {contract.symbol.split(':')[0]}"
            )
        return rows

    scale = contract.size if connection.venue.contracts else 1.0
    return [[*row[:5], _number(row[5]) * scale] for row in call(connection, budget, request)]


def contract_names(contract: Contract) -> set[str]:
    """Return the names, in capitals, by which a venue's answer may identify a contract.

    >>> from liq.sources.venues.client import Contract
    >>> sorted(contract_names(Contract("BTC/USDT:USDT", "BTCUSDT", 1.0, 0.1, {"name": "bitcoin"})))
    ['BITCOIN', 'BTC', 'BTCUSDT']
    """
    return {contract.id.upper(), contract.symbol.split("/")[0].upper(), str(contract.info.get("name", "")).upper()}


def get_path(answer: Any, path: tuple[str | int, ...] | None) -> Any:
    """Return the value at a path of keys in a nested answer; None where it does not exist.

    >>> get_path({"result": [{"symbol": "BTC"}]}, ("result", 0, "symbol"))
    'BTC'
    """
    for key in path or ():
        try:
            answer = answer[key]
        except (KeyError, IndexError, TypeError):
            return None
    return answer if path else None


def _number(value: Any) -> float:
    """Return a value as a float; NaN where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def open_interest_history(
    connection: Connection, budget: RetryBudget, contract: Contract, period: str, since: int, count: int
) -> list[OpenInterestRow]:
    """Return open interest through ccxt's unified call, in coins; Gate's rows also carry liquidations in USD."""

    def request(exchange: Any) -> list[dict[str, Any]]:
        # without an upper bound ccxt asks for one row too many, and a full page then loses its oldest
        last = since + (count - 1) * exchange.parse_timeframe(period) * 1000
        bound = {"until": last} if connection.venue.interest_until else {}
        return exchange.fetch_open_interest_history(contract.symbol, period, since, count, bound)

    rows = call(connection, budget, request)
    scale = contract.size if connection.venue.interest_contracts else 1.0
    return [
        OpenInterestRow(
            int(row["timestamp"]),
            _number(row.get("openInterestAmount")) * scale,
            _number(row.get("openInterestValue")),
            _number(_info(row).get("long_liq_usd")),
            _number(_info(row).get("short_liq_usd")),
        )
        for row in rows
        if row.get("timestamp")
    ]


def _info(row: dict[str, Any]) -> dict[str, Any]:
    """Return the venue's own row in a row of ccxt's."""
    return row["info"] if isinstance(row.get("info"), dict) else {}


def coin_open_interest(
    connection: Connection, budget: RetryBudget, contract: Contract, period: str, since: int
) -> list[tuple[int, float]]:
    """Return (UTC ms, USD) of open interest over all of a coin's contracts, which OKX keeps for longer."""
    coin = contract.symbol.split("/")[0]
    rows = call(connection, budget, lambda exchange: exchange.fetch_open_interest_history(coin, period, since))
    return [(int(row["timestamp"]), _number(row.get("openInterestValue"))) for row in rows if row.get("timestamp")]


def open_interest_analytics(
    connection: Connection, budget: RetryBudget, contract: Contract, period: str, since: int, count: int
) -> list[OpenInterestRow]:
    """Return Kraken Futures' open interest in coins, the close of each period's four values."""
    rows = analytics(connection, budget, contract, "open-interest", period, since, count)
    nan = float("nan")
    return [OpenInterestRow(time, value * contract.size, nan, nan, nan) for time, value in rows]


def analytics(
    connection: Connection, budget: RetryBudget, contract: Contract, series: str, period: str, since: int, count: int
) -> list[tuple[int, float]]:
    """Return one of Kraken Futures' public analytics as (UTC ms, last value of the period).

    ccxt does not map this endpoint, but signs, spaces and times its calls. Values come as numbers, as rows
    of open high low close, or as four parallel series of those names.
    """

    def request(exchange: Any) -> list[tuple[int, float]]:
        step = exchange.parse_timeframe(period)
        until = min(since // 1000 + count * step, exchange.seconds())
        window = {"since": since // 1000, "to": until, "interval": step}
        reply = exchange.fetch2(f"analytics/{contract.id}/{series}", ["charts"], "GET", {"version": "v1", **window})
        times, data = reply["result"]["timestamp"], reply["result"]["data"]
        if isinstance(data, dict):
            data = data.get("close", next(iter(data.values()), []))
        elif len(data) == 4 and len(times) != 4 and all(isinstance(series, list) for series in data):
            data = data[3]
        last = [value[-1] if isinstance(value, list) and value else value for value in data]
        rows = [(int(time) * 1000, _number(value)) for time, value in zip(times, last, strict=True)]
        return [row for row in rows if row[0] < since + count * step * 1000]  # the venue sends that of its end, too

    return call(connection, budget, request)


def ticker(connection: Connection, budget: RetryBudget, contract: Contract) -> dict[str, float]:
    """Return the live ``price``, its ``time`` (UTC ms), the day's ``change`` (fraction), ``interest`` (coins)."""
    row = call(connection, budget, lambda exchange: exchange.fetch_ticker(contract.symbol))
    info = _info(row)
    prices = row.get("last"), row.get("close"), info.get("markPx")
    price = next((value for value in map(_number, prices) if value > 0), 0)
    price_before = next(
        (value for value in map(_number, (row.get("open"), row.get("previousClose"))) if value > 0), 0
    )
    percent = _number(row.get("percentage"))
    if not 0 < price < float("inf"):
        raise VenueFailure("sent no usable price")
    return {
        "price": price,
        "time": _number(row.get("timestamp")),
        "change": percent / 100
        if percent == percent
        else (price / price_before - 1 if price_before else float("nan")),
        "interest": _number(info.get("openInterest", info.get("open_interest"))),
    }


def volumes(connection: Connection, budget: RetryBudget, names: set[str]) -> dict[str, float]:
    """Return the last 24 hours' volume in USD by unified symbol, 0 where the venue does not say."""
    rows = call(connection, budget, lambda exchange: exchange.fetch_tickers())
    field = connection.venue.coin_volume
    volume_by_symbol = {}
    for symbol, row in rows.items():
        if symbol in names:
            coins = row.get("baseVolume") if field is None else _info(row).get(field)
            dollars = _number(row.get("quoteVolume")), _number(coins) * _number(row.get("last") or row.get("close"))
            volume_by_symbol[symbol] = next((value for value in dollars if 0 <= value < float("inf")), 0.0)
    return volume_by_symbol


def order_book(connection: Connection, budget: RetryBudget, contract: Contract) -> tuple[np.ndarray, np.ndarray]:
    """Return bids and asks as rows of price and USD, as many as the venue sends in one answer; raise VenueFailure."""
    limit = connection.venue.book_limit
    reply = call(connection, budget, lambda exchange: exchange.fetch_order_book(contract.symbol, limit))
    sides = []
    for name in ("bids", "asks"):
        rows = np.array([[_number(row[0]), _number(row[1]) * contract.size] for row in reply[name]]).reshape(-1, 2)
        rows = rows[(rows > 0).all(axis=1) & np.isfinite(rows).all(axis=1)]
        sides.append(np.column_stack([rows[:, 0], rows[:, 0] * rows[:, 1]]))
    if not len(sides[0]) or not len(sides[1]) or sides[0][:, 0].max() >= sides[1][:, 0].min():
        raise VenueFailure("sent no usable order book")
    return sides[0], sides[1]


def funding_rates(
    connection: Connection, budget: RetryBudget, contract: Contract, since: int, until: int, count: int
) -> list[tuple[int, float]]:
    """Return (UTC ms, rate) of settlements from `since` to `until`, a fraction of the position a settlement."""
    if connection.venue.funding == "fundings":
        return _fundings(connection, budget, contract, since, until, count)
    bound = {connection.venue.funding_until: until} if connection.venue.funding_until else {}

    def request(exchange: Any) -> list[dict[str, Any]]:
        return exchange.fetch_funding_rate_history(contract.symbol, since, count, bound)

    rows = call(connection, budget, request)
    return [(int(row["timestamp"]), _number(row.get("fundingRate"))) for row in rows if row.get("timestamp")]


def _fundings(
    connection: Connection, budget: RetryBudget, contract: Contract, since: int, until: int, count: int
) -> list[tuple[int, float]]:
    """Return Lighter's funding rates, which ccxt does not map.

    They are a per cent of the position for the hour, paid by the side that `direction` names; times are in seconds.
    """
    window = {"start_timestamp": since // 1000, "end_timestamp": until // 1000, "count_back": count}
    query = {"market_id": contract.id, "resolution": "1h", **window}
    rows = call(connection, budget, lambda exchange: exchange.publicGetFundings(query)["fundings"])
    signs = {"long": 0.01, "short": -0.01}
    return [(int(row["timestamp"]) * 1000, signs[row["direction"]] * _number(row["rate"])) for row in rows]


def taker_delta(
    connection: Connection, budget: RetryBudget, contract: Contract, bar: str, since: int, count: int
) -> list[tuple[int, float]]:
    """Return (UTC ms, USD that takers bought less what they sold) of Binance's candles; ccxt drops the columns.

    Columns 7 and 10 are the dollars traded and those that takers bought ("Kline/Candlestick Data", Binance).
    """
    window = {"symbol": contract.id, "interval": bar, "startTime": since, "limit": count}
    rows = call(connection, budget, lambda exchange: exchange.fapiPublicGetKlines(window))
    return [(int(row[0]), 2 * _number(row[10]) - _number(row[7])) for row in rows]


def margin_tiers(
    connection: Connection, budget: RetryBudget, contract: Contract
) -> list[tuple[float, float, float, float]]:
    """Return margin tiers as (from, to, maintenance rate, top leverage), sizes as the venue counts them.

    Hyperliquid states only the top leverage, and asks half of the initial margin at that leverage for
    maintenance (its documentation, "Margining"). Lighter states both margins, in hundredths of a per cent.
    """
    kind = connection.venue.brackets
    if kind == "leverage":
        max_leverage = _number(contract.info.get("maxLeverage"))
        return [(0.0, float("inf"), 0.5 / max_leverage, max_leverage)] if max_leverage > 0 else []

    if kind == "fractions":
        names = ("maintenance_margin_fraction", "min_initial_margin_fraction")
        rate, initial = (_number(contract.info.get(name)) / 10_000 for name in names)
        return [(0.0, float("inf"), rate, 1 / initial)] if initial > 0 else []

    def request(exchange: Any) -> list[dict[str, Any]]:
        if kind == "tiers":
            return exchange.fetch_market_leverage_tiers(contract.symbol)
        return exchange.parse_market_leverage_tiers(contract.info, exchange.market(contract.symbol))

    rows = call(connection, budget, request) if kind else []
    fields = ("minNotional", "maxNotional", "maintenanceMarginRate", "maxLeverage")
    return [tuple(_number(row.get(name)) for name in fields) for row in rows]  # type: ignore[misc]
