"""Accounts of Lighter: whom its trades and resting orders name, what one account holds, and open interest.

Accounts are numbers. docs/positions.md says which of these facts are documented, and which could not be checked.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import partial
from typing import Any

from liq.sources.positions.accounts import Position, number
from liq.sources.venues.client import Connection, call
from liq.sources.venues.failures import RetryBudget, VenueFailure

ACCOUNT = re.compile(r"^\s*([0-9]{1,15})\s*(?:[,;\t].*)?$")
"""An account's number, alone on a line or first in a row of a table."""

COINS = ("BTC", "ETH", "SOL")
"""Coins whose trades and orders are read for accounts where none is named: three requests' worth of each."""

MOST_TRADES, MOST_ORDERS = 100, 250
"""Rows of one answer, the most that the venue's documentation allows ("recentTrades", "orderBookOrders")."""


def accounts(connection: Connection, budget: RetryBudget, coins: tuple[str, ...]) -> dict[str, float]:
    """Return accounts named by the newest trades and the resting orders of coins, and their USD there.

    Raises VenueFailure. There is no list of all accounts; those that trade and quote most come first.
    """
    found = defaultdict[str, float](float)
    markets = connection.exchange.markets or {}
    for coin in coins or COINS:
        market = markets.get(f"{coin}/USDC:USDC")
        if market is None:
            continue
        for read in (_trades, _orders):
            for account, usd in call(connection, budget, partial(read, market=market["id"])).items():
                found[account] += usd
    return dict(found)


def _trades(exchange: Any, market: str) -> dict[str, float]:
    """Return the accounts of the newest trades, and their USD."""
    answer = exchange.publicGetRecentTrades({"market_id": market, "limit": MOST_TRADES})
    found = defaultdict[str, float](float)
    for trade in _rows(answer, "trades"):
        for account in traders(trade):
            found[account] += number(trade.get("usd_amount"))
    return dict(found)


def _orders(exchange: Any, market: str) -> dict[str, float]:
    """Return the owners of resting orders, and their USD."""
    answer = exchange.publicGetOrderBookOrders({"market_id": market, "limit": MOST_ORDERS})
    found = defaultdict[str, float](float)
    for order in [*_rows(answer, "bids"), *_rows(answer, "asks")]:
        for account in _numbers(order.get("owner_account_index")):
            found[account] += number(order.get("remaining_base_amount")) * number(order.get("price"))
    return dict(found)


def _rows(answer: Any, key: str) -> list[dict[str, Any]]:
    """Return the rows of an answer; raise VenueFailure where there is no list of them."""
    rows = answer.get(key) if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise VenueFailure(f"sent {key} that cannot be read", passing=True)
    return [row for row in rows if isinstance(row, dict)]


def held(connection: Connection, account: str, budget: RetryBudget) -> list[Position]:
    """Return what an account holds, empty where it holds nothing; raise VenueFailure where it was not answered."""
    query = {"by": "index", "value": account}
    return call(connection, budget, lambda exchange: parse_account(exchange.publicGetAccount(query), account))


def parse_account(answer: Any, account: str) -> list[Position]:
    """Return the positions in an answer about an account; raise VenueFailure where it is none.

    The venue lists every market that the account has ever traded, most of them with a size of 0. `liquidation_price`
    is "0" where there is none, and the leverage is 100 over `initial_margin_fraction`, a per cent.

    >>> row = {"symbol": "BTC", "sign": -1, "position": "0.5", "avg_entry_price": "80000", "margin_mode": 0,
    ...        "liquidation_price": "0", "initial_margin_fraction": "5.00"}
    >>> parse_account({"accounts": [{"account_index": 7, "positions": [row]}]}, "7")[0][4:]
    (None, 20.0, 'cross')
    """
    found = _rows(answer, "accounts")
    if not found or not isinstance(found[0].get("positions"), list):
        raise VenueFailure("sent an account that cannot be read", passing=True)
    index = found[0].get("account_index", found[0].get("index"))
    if str(index) != account:
        raise VenueFailure("answered about another account", passing=True)
    return [position for row in found[0]["positions"] if (position := _position(row)) is not None]


def _position(row: Any) -> Position | None:
    """Return one position, or None where it has no size or its numbers are impossible."""
    if not isinstance(row, dict):
        return None
    size, price = number(row.get("position")), number(row.get("avg_entry_price"))
    sign, fraction = number(row.get("sign")), number(row.get("initial_margin_fraction"))
    margin = {0.0: "cross", 1.0: "isolated"}.get(number(row.get("margin_mode"), -1.0))
    if not row.get("symbol") or size <= 0 or price <= 0 or sign not in (1.0, -1.0) or fraction <= 0 or not margin:
        return None
    level = number(row.get("liquidation_price"))
    side = "long" if sign > 0 else "short"
    return Position(str(row["symbol"]), side, size, price, level if level > 0 else None, 100 / fraction, margin)


def open_interest(connection: Connection, budget: RetryBudget) -> dict[str, float]:
    """Return the venue's open interest by coin, coins on one side; raise VenueFailure."""
    rows = call(
        connection, budget, lambda exchange: _rows(exchange.publicGetOrderBookDetails(), "order_book_details")
    )
    interest = {str(row.get("symbol")): number(row.get("open_interest")) for row in rows}
    return {coin: coins for coin, coins in interest.items() if coins > 0}


def traders(trade: Any) -> list[str]:
    """Return the accounts that a public trade names, seller and buyer.

    >>> traders({"ask_account_id": 723632, "bid_account_id": 317087})
    ['723632', '317087']
    """
    row = trade if isinstance(trade, dict) else {}
    return _numbers(row.get("ask_account_id"), row.get("bid_account_id"))


def _numbers(*values: Any) -> list[str]:
    """Return the values that are numbers of accounts."""
    return [text for text in map(str, values) if ACCOUNT.fullmatch(text)]
