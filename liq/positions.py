"""Real positions: what accounts of a venue really held, snapshot by snapshot; validated on entry."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from liq.errors import InputError, listed, shown
from liq.market import SIDES, as_utc, epoch
from liq.market_checks import utc_times

MARGINS = ("cross", "isolated")

COLUMNS = ("time", "coin", "side", "coins", "entry", "liquidation_price", "leverage", "margin", "account")
"""Columns of `Positions.rows`."""

PASS_COLUMNS = ("time", "asked", "answered", "failed")

MAX_USD = 1e12
"""Maximum size of a position at its entry, USD: more than the open interest of all venues, so a wrong unit."""

MAX_ROWS = 5_000_000
"""Maximum number of rows: a thousand snapshots of five thousand positions."""


@dataclass(frozen=True, eq=False)
class Positions:
    """Hold snapshots of real positions, a row a position.

    rows : DataFrame of COLUMNS: time of the snapshot (UTC), coin, side (long or short), coins (positive), entry and
    liquidation_price (NaN where the account has none), leverage, margin (cross or isolated), account (a hash), and
    answered, when the account was asked, default the time of the snapshot. What is text becomes categorical.
    source : the venue; passes : DataFrame of PASS_COLUMNS, a row a snapshot, how many accounts were asked, answered
    and failed (0 where unknown); open_interest : coins on one side of the venue by coin at each snapshot, a DataFrame
    indexed by time, NaN or absent where unknown; notes : sentences on what is missing or old in what others publish.
    Raises InputError for anything else.

    >>> row = {"time": pd.Timestamp("2026-01-31", tz="UTC"), "coin": "BTC", "side": "long", "coins": 2.0,
    ...        "entry": 80_000.0, "liquidation_price": 70_000.0, "leverage": 10.0, "margin": "cross", "account": "a1"}
    >>> positions = Positions(pd.DataFrame([row]), "hyperliquid")
    >>> positions.levels("BTC")[["side", "low", "usd"]].values.tolist()
    [['long', 70000.0, 140000.0]]
    """

    rows: pd.DataFrame
    source: str
    passes: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(PASS_COLUMNS)))
    open_interest: pd.DataFrame = field(default_factory=pd.DataFrame)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Put rows in order and check them."""
        object.__setattr__(self, "rows", _checked(self.rows))

    @cached_property
    def times(self) -> pd.DatetimeIndex:
        """Times of the snapshots, ascending."""
        return pd.DatetimeIndex(self.rows["time"].unique()).sort_values()

    @cached_property
    def coins(self) -> list[str]:
        """Coins that any row is of."""
        return sorted(map(str, self.rows["coin"].unique()))

    def time_before(self, moment: Any) -> pd.Timestamp | None:
        """Return the time of the last snapshot at or before a moment (UTC); None where there is none."""
        times = self.times
        number = int(times.searchsorted(as_utc(moment, "moment"), side="right"))
        return times[number - 1] if number else None

    def held_since(self, coin: str) -> np.ndarray:
        """Return of each row of a coin the first snapshot since which every one held that account's side of it.

        datetime64[ns], UTC, as long as rows; NaT in rows of other coins.
        """
        if coin not in self._held_since:
            self._held_since[coin] = _held_since(self.rows, coin)
        return self._held_since[coin]

    @cached_property
    def _held_since(self) -> dict[str, np.ndarray]:
        return {}

    def snapshot(self, coin: str, moment: Any = None) -> pd.DataFrame:
        """Return the rows of a coin in the last snapshot at or before a moment (UTC), default the last of all.

        Empty where there is none.
        """
        time = self.times[-1] if moment is None else self.time_before(moment)
        if time is None:
            return self.rows[:0]
        begin, end = (int(self.rows["time"].searchsorted(time, side)) for side in ("left", "right"))
        rows = self.rows[begin:end]
        return rows[rows["coin"] == coin]

    def levels(self, coin: str) -> pd.DataFrame:
        """Return the liquidation prices of all that is held of a coin, see `levels_of`."""
        return levels_of(self.rows[(self.rows["coin"] == coin).to_numpy()])

    def share_seen(self, coin: str, moment: Any = None) -> float:
        """Return the share of the venue's open interest that a snapshot's longs and shorts make up; NaN if unknown.

        The mean of both sides: every contract is one long and one short.
        """
        rows = self.snapshot(coin, moment)
        if not len(rows):
            return float("nan")
        total = self.interest(coin, rows["time"].iloc[0])
        return float(rows["coins"].sum()) / 2 / total if total > 0 else float("nan")

    def interest(self, coin: str, time: pd.Timestamp) -> float:
        """Return the venue's open interest in a coin that the snapshot of a time states: coins, NaN where unknown."""
        return float(self.open_interest[coin].get(time, np.nan)) if coin in self.open_interest else float("nan")


def levels_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the liquidation prices of positions in the shape that `liq.compare` takes: time, side, low, high, usd.

    Dollars are coins times the liquidation price: what would be force-closed there. Positions without a liquidation
    price are left out.

    >>> rows = {"time": [0, 0], "side": "long", "coins": 2.0, "liquidation_price": [7e4, float("nan")]}
    >>> levels_of(pd.DataFrame(rows))["usd"].tolist()
    [140000.0]
    """
    own = rows[rows["liquidation_price"].notna()]
    price = own["liquidation_price"]
    columns = {"time": own["time"], "side": own["side"], "low": price, "high": price, "usd": own["coins"] * price}
    return pd.DataFrame(columns).reset_index(drop=True)


def _held_since(rows: pd.DataFrame, coin: str) -> np.ndarray:
    """See `Positions.held_since`."""
    time = epoch(rows["time"])
    row = np.flatnonzero((rows["coin"] == coin).to_numpy())
    snapshot = np.cumsum(np.diff(time, prepend=time[:1]) > 0)[row]
    key = 2 * pd.factorize(rows["account"].iloc[row])[0] + (rows["side"] == "short").to_numpy()[row]
    order = np.lexsort((snapshot, key))
    key, snapshot, row = key[order], snapshot[order], row[order]
    # a run goes on where the same account's side was in the snapshot before, or is twice in one
    is_start = np.append(True, (np.diff(key) != 0) | (np.diff(snapshot) > 1))[: len(row)]
    start = np.maximum.accumulate(np.where(is_start, np.arange(len(row)), 0))
    since = np.full(len(rows), np.datetime64("NaT"), dtype="datetime64[ns]")
    since[row] = time[row[start]].astype("datetime64[ns]")
    return since


def _checked(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the right types, oldest snapshot first; raise InputError for what makes no sense."""
    if missing := [name for name in COLUMNS if name not in rows]:
        raise InputError(f"positions lack the column {missing[0]!r}; they have {listed(rows.columns, 8)}.")
    if not len(rows):
        raise InputError("positions have no rows.")
    if len(rows) > MAX_ROWS:
        raise InputError(f"positions have more than {MAX_ROWS:,} rows; take fewer snapshots.")
    time = utc_times(rows["time"], "positions: time")
    try:
        numbers = rows[["coins", "entry", "liquidation_price", "leverage"]].astype(float)
    except (ValueError, TypeError) as error:
        raise InputError(f"positions: a number cannot be read ({shown(error, 80)}).") from None
    frame = pd.DataFrame(
        {"time": time, **{name: _categorical(rows[name]) for name in ("coin", "side", "margin", "account")}}
    )
    answered = utc_times(rows["answered"], "positions: answered").fillna(time) if "answered" in rows else time
    frame = frame.assign(**numbers)[list(COLUMNS)].assign(answered=answered)
    tests = {
        "side must be long or short": frame["side"].isin(SIDES),
        "margin must be cross or isolated": frame["margin"].isin(MARGINS),
        "time must be known": frame["time"].notna(),
        "coins must be positive numbers": np.isfinite(frame["coins"]) & (frame["coins"] > 0),
        "entry must be a positive number": np.isfinite(frame["entry"]) & (frame["entry"] > 0),
        f"coins times entry must be at most {MAX_USD:,.0f} USD": frame["coins"] * frame["entry"] <= MAX_USD,
        "liquidation_price must be a positive number or empty": (frame["liquidation_price"] > 0)
        & np.isfinite(frame["liquidation_price"])
        | frame["liquidation_price"].isna(),
        "leverage must be a positive number": np.isfinite(frame["leverage"]) & (frame["leverage"] > 0),
    }
    for sentence, good in tests.items():
        if not good.all():
            row = int(np.flatnonzero(~good)[0])
            raise InputError(f"positions: {sentence}; row {row} has {shown(rows.iloc[row].to_dict(), 240)}.")
    if frame["time"].is_monotonic_increasing:  # as collectors write them
        return frame.reset_index(drop=True)
    return frame.sort_values("time", kind="stable", ignore_index=True)


def _categorical(column: pd.Series) -> pd.Series:
    """Return a column of text as a categorical: half a million rows in a fraction of the memory and the time."""
    if not isinstance(column.dtype, pd.CategoricalDtype) or not column.cat.categories.astype(str).is_unique:
        column = column.astype(str).astype("category")
    names = column.cat.categories
    if names.dtype == object and names.inferred_type == "string":
        return column
    # objects, not Arrow strings: they become numpy arrays in a fifth of the time
    names = names.astype(str).astype(object)
    return pd.Series(pd.Categorical.from_codes(column.cat.codes.to_numpy(), names), index=column.index)
