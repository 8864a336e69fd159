"""Margin tiers of a venue as brackets in USD, or None where they are impossible."""

from __future__ import annotations

from liq.market import Bracket
from liq.sources.venues import endpoints
from liq.sources.venues.client import Connection, Contract
from liq.sources.venues.failures import RetryBudget


def margin_brackets(
    connection: Connection, contract: Contract, price: float, budget: RetryBudget
) -> tuple[Bracket, ...] | None:
    """Return the venue's brackets, floors and caps in USD at `price`, or None; raise VenueFailure.

    The amount of a bracket makes maintenance continuous where two of them meet: amount += floor * (rate -
    rate before), which is how the venues that publish it arrive at theirs (Binance, Bybit help "Maintenance
    margin"). None where a tier is out of order or outside what a margin table can hold.
    """
    scale = contract.size * price if connection.venue.tiers_in_contracts else 1.0
    tiers = sorted(endpoints.margin_tiers(connection, budget, contract))
    brackets: list[Bracket] = []
    for row, (_, cap, rate, leverage) in enumerate(tiers):
        floor, before = (brackets[-1].cap, brackets[-1]) if brackets else (0.0, None)
        cap = float("inf") if row + 1 == len(tiers) else (cap if cap == cap else tiers[row + 1][0]) * scale
        if not (cap > floor and 0 < rate < 1 and 1 <= leverage <= 1000):
            return None
        amount = before.amount + floor * (rate - before.rate) if before else 0.0
        brackets.append(Bracket(floor, cap, rate, leverage, amount))
    return tuple(brackets) or None
