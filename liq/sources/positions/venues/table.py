"""Table of the venues that state what every account holds; the next one is a module beside this and a row here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from liq.sources.positions.accounts import ADDRESS, Position
from liq.sources.positions.venues import hyperliquid, lighter
from liq.sources.venues.client import Connection
from liq.sources.venues.failures import RetryBudget


class PositionVenue(NamedTuple):
    """What differs between venues that state positions.

    name : ccxt's id, in `liq.sources.venues.table` as well; limits are there.
    list_name : what `--find` calls the place that names accounts all at once; accounts : reads it, an account's USD
    there by its name, for some coins or all. held : what one account holds. open_interest : by coin, on one side.
    traders : the accounts that a public trade names, in the venue's own words.
    account : how an account is written in a file; looks : the same in words.
    """

    name: str
    list_name: str
    accounts: Callable[[Connection, RetryBudget, tuple[str, ...]], dict[str, float]]
    held: Callable[[Connection, str, RetryBudget], list[Position]]
    open_interest: Callable[[Connection, RetryBudget], dict[str, float]]
    traders: Callable[[Any], list[str]]
    account: re.Pattern[str]
    looks: str

    @property
    def find(self) -> tuple[str, str]:
        """What `--find` takes: the list, and the stream of trades."""
        return self.list_name, "stream"


POSITION_VENUES: Mapping[str, PositionVenue] = MappingProxyType(
    {
        "hyperliquid": PositionVenue(
            name="hyperliquid",
            list_name="leaderboard",
            accounts=hyperliquid.accounts,
            held=hyperliquid.held,
            open_interest=hyperliquid.open_interest,
            traders=hyperliquid.traders,
            account=ADDRESS,
            looks="address: 0x and forty hexadecimal digits",
        ),
        "lighter": PositionVenue(
            name="lighter",
            list_name="orders",
            accounts=lighter.accounts,
            held=lighter.held,
            open_interest=lighter.open_interest,
            traders=lighter.traders,
            account=lighter.ACCOUNT,
            looks="account: a number, one a line",
        ),
    }
)
"""Venues that state every account's positions without a key, by ccxt id."""
