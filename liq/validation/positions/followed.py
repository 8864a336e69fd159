"""Positions followed from one answer of an account to its next, and what can be known of them in between."""

from __future__ import annotations

import numpy as np
import pandas as pd

from liq.market import SIDES, epoch
from liq.positions import Positions

LONGEST = pd.Timedelta(days=1)
"""Longest time between two answers of an account: a collector drops what was not answered for a day, and what
happened in a longer time is anybody's guess."""

COLUMNS = (
    *("begin", "end", "side", "account", "coins", "entry", "level", "leverage", "margin"),
    *("next_coins", "next_level"),
)
"""Columns of `followed_positions`."""


def followed_positions(positions: Positions, coin: str) -> pd.DataFrame:
    """Return every position of a coin with what its account held of it when it was next asked, a row an answer.

    Columns: begin, when the account was asked; end, when it was asked again (UTC), NaT where it was not within
    LONGEST; side, account, coins, entry, level (liquidation price, NaN where it has none), leverage, margin;
    next_coins, 0 where the position was gone, NaN where nothing is known; next_level. A row that a snapshot carried
    over is the answer it was carried from, and appears once.

    An account that a snapshot no longer lists counts as holding nothing only where the snapshot is known to have
    asked the accounts that held something (`Positions.passes`); else one that leaves a list has not closed.

    >>> row = {"time": pd.Timestamp("2026-01-31", tz="UTC"), "coin": "BTC", "side": "long", "coins": 2.0,
    ...        "entry": 8e4, "liquidation_price": 7e4, "leverage": 10.0, "margin": "cross", "account": "a1"}
    >>> later = {**row, "time": row["time"] + pd.Timedelta(hours=1), "coins": 0.5}
    >>> followed_positions(Positions(pd.DataFrame([row, later]), "hyperliquid"), "BTC")["next_coins"].tolist()
    [0.5, nan]
    """
    rows, snapshots = positions.rows, positions.times
    account = pd.factorize(rows["account"])[0].astype(np.int64)
    snapshot = snapshots.get_indexer(pd.DatetimeIndex(rows["time"]))
    moments, moment = np.unique(epoch(rows["answered"]), return_inverse=True)
    # an answer is an account at a moment; those of one account lie side by side, oldest first
    answers, which = np.unique(account * len(moments) + moment, return_inverse=True)
    last_seen, first_seen = np.full(len(answers), -1), np.full(len(answers), len(snapshots))
    np.maximum.at(last_seen, which, snapshot)
    np.minimum.at(first_seen, which, snapshot)
    follows = np.append(answers[1:] // len(moments) == answers[:-1] // len(moments), False)
    # a complete pass without the account found it empty, whatever it answered later
    skipped = last_seen + 1
    vanished = np.append(complete_passes(positions), False)[skipped]
    vanished &= ~(follows & (np.append(first_seen[1:], len(snapshots)) <= skipped))
    begin = moments[answers % len(moments)]
    end = np.where(follows, np.append(begin[1:], 0), NEVER)
    end = np.where(vanished, np.append(epoch(snapshots), NEVER)[skipped], end)
    known = (end > begin) & (end - begin < LONGEST.value)

    own = _one_each(rows.assign(answer=which)[(rows["coin"] == coin).to_numpy()])
    answer, side = own["answer"].to_numpy(), (own["side"] == SIDES[1]).to_numpy().astype(np.int64)
    order = np.argsort(answer * 2 + side)
    own, answer, side = own.iloc[order], answer[order], side[order]
    key = answer * 2 + side
    later = np.searchsorted(key, key + 2)
    there = follows[answer] & ~vanished[answer] & (np.append(key, -1)[later] == key + 2)
    coins, level = (np.append(own[name].to_numpy(), np.nan)[later] for name in ("coins", "liquidation_price"))
    is_known = known[answer]
    ends = np.where(is_known, end[answer], NEVER)
    frame = own[["side", "account", "coins", "entry", "liquidation_price", "leverage", "margin"]]
    frame = frame.rename(columns={"liquidation_price": "level"}).assign(
        begin=pd.to_datetime(begin[answer], utc=True),
        end=pd.to_datetime(ends, utc=True),
        next_coins=np.where(is_known, np.where(there, coins, 0.0), np.nan),
        next_level=np.where(is_known & there, level, np.nan),
    )
    return frame[list(COLUMNS)].reset_index(drop=True)


def complete_passes(positions: Positions) -> np.ndarray:
    """Return for each snapshot whether it is known to have asked all accounts that held something, bool (snapshots,).

    >>> row = {"time": pd.Timestamp("2026-01-31", tz="UTC"), "coin": "BTC", "side": "long", "coins": 2.0,
    ...        "entry": 8e4, "liquidation_price": 7e4, "leverage": 10.0, "margin": "cross", "account": "a1"}
    >>> complete_passes(Positions(pd.DataFrame([row]), "hyperliquid"))
    array([False])
    """
    passes = positions.passes
    if not len(passes):
        return np.zeros(len(positions.times), bool)
    complete = pd.DatetimeIndex(passes.loc[(passes["asked"] > 0).to_numpy(bool), "time"])
    return np.asarray(positions.times.isin(complete))


NEVER = np.iinfo(np.int64).min
"""Nanoseconds that pandas reads as NaT."""


def _one_each(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row an answer and side: what a snapshot carried over once, and parts of one position added up."""
    rows = rows.drop_duplicates(["answer", "side", "entry", "liquidation_price", "coins"])
    if not rows.duplicated(["answer", "side"]).any():
        return rows
    weighted = {name: rows[name] * rows["coins"] for name in ("entry", "liquidation_price")}
    groups = rows.assign(**weighted).groupby(["answer", "side"], sort=False)
    added = groups["coins"].sum()
    merged = groups.first()
    return merged.assign(
        coins=added, **{name: groups[name].sum(min_count=1) / added for name in weighted}
    ).reset_index()
