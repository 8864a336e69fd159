"""Print what real accounts say of the estimate and of themselves, and how well "closed before" is told from forced.

`python -m benchmarks.real_accounts`
"""

from __future__ import annotations

import pandas as pd

import liq
from benchmarks import recordings
from liq.sources.simulation.market import simulate, simulate_with_true_book
from liq.validation.positions.comparison import Comparison
from liq.validation.positions.entries import EntryComparison, compare_entries
from liq.validation.positions.followed import followed_positions
from liq.validation.positions.forced import forced_share
from liq.validation.positions.margin import isolated_levels, leverage_shares
from liq.validation.positions.realised import with_crossings
from liq.validation.positions.survival import ALL, age_name, survival

NOW = "2026-09-01"


def real(coin: str) -> None:
    """Print the figures of one recorded coin."""
    seen, market = recordings.positions(), recordings.market_2026(coin)
    heatmap, name = liq.estimate(market, columns=2000), coin.upper()
    print(f"\n{name}: {leverage_shares(seen, name).sentence}")
    print(f"{'entries':>10}: {beyond(compare_entries(heatmap, seen))}")
    for what, levels in (("levels", seen.levels(name)), ("isolated", isolated_levels(seen, name))):
        found = liq.compare(heatmap, levels)
        print(f"{what:>10}: {beyond(found)}, overlap {found.overlap:.2f}, ten biggest {found.top_ten:.2f}")
    left = survival(seen, market)
    for row in left[left["group"] == ALL].to_dict("records"):
        print(
            f"after {age_name(row['age']):>4}: {row['pairs']} pairs, held {row['held']:.2f}, of those level "
            f"{row['level']:.2f} in dollars, {row['level_by_count']:.2f} by count"
        )
    print(forced_share(seen, market).sentence)


def beyond(found: Comparison | EntryComparison) -> str:
    """Return the rank beyond distance with its interval and placebo."""
    low, high = found.intervals["rank_beyond_distance"]
    old = found.placebo["rank_beyond_distance"]
    return f"{found.rank_beyond_distance:+.2f} ({low:+.2f} to {high:+.2f}), older map {old:+.2f}"


def known(every: int) -> None:
    """Print forced and closed shares of a simulated week, all of whose positions are seen, beside the truth."""
    market = simulate("BTC", "7d", now=NOW)
    _, book = simulate_with_true_book("BTC", "7d", now=market.as_of)
    traders = book.positions.assign(account=[f"{number:016x}" for number in range(len(book.positions))])
    times = [market.as_of - pd.Timedelta(hours=hours) for hours in range(0, 168, every)]
    rows = pd.concat(
        traders[(traders["opened"] < time) & (traders["closed"] >= time)].assign(time=time) for time in times
    )
    levels = rows["liquidation_price"].where(rows["liquidation_price"] > 0)
    rows = rows.assign(coin="BTC", margin="isolated", side=rows["side"].astype(str), liquidation_price=levels)
    passes = pd.DataFrame({"time": times, "asked": 1, "answered": 1, "failed": 0})
    seen = liq.Positions(rows, "simulated", passes)
    share = forced_share(seen, market)
    crossed = with_crossings(followed_positions(seen, "BTC"), market)
    crossed = crossed[crossed["certain"] & crossed["next_coins"].notna()].merge(
        traders[["account", "closed"]], on="account"
    )
    before = float(crossed["usd"][crossed["closed"] < crossed["bar"]].sum() / crossed["usd"].sum())
    print(f"snapshots {every} h apart: closed before {share.closed:.2f}, in truth {before:.2f}")


if __name__ == "__main__":
    for hours in (1, 4, 8):
        known(hours)
    if recordings.FOLDER.is_dir():
        for one in ("eth", "sol"):
            real(one)
