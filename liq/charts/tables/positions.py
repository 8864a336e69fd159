"""Tables of the reality check about real positions: where they were opened, where they fail, what is left of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from liq.formatting import whole_percent
from liq.market import SIDES, Market
from liq.positions import Positions
from liq.validation.positions.comparison import REACH, Comparison
from liq.validation.positions.entries import REACH as ENTRY_REACH
from liq.validation.positions.entries import EntryComparison
from liq.validation.positions.forced import ForcedShare
from liq.validation.positions.leverage import dollars_by_distance
from liq.validation.positions.survival import ALL, CLASS_NAMES, age_name

MIN_POSITIONS = 10
"""Number of positions below which a share of what is left is not shown."""

ABOUT_COMPARISON = (
    f"Opened: dollars by entry price within {100 * ENTRY_REACH:g} % of price. Fail: dollars by liquidation price "
    f"within {100 * REACH:g} % of it. Longs and shorts apart, means over snapshots. Beyond distance: rank with "
    "distance from price taken out, so that no map is praised for knowing that more stands farther away. Overlap: of "
    "both, each adding up to one. Older map: that of a week before, of entries six days, moved to the price, on the "
    "days for which there is one. Intervals: 95 %, from drawing whole days again."
)

ABOUT_SURVIVAL = (
    "Shares of positions followed from one snapshot to one about a day later, by distance of the liquidation price "
    "from price. Liquidated: gone, and price had been there. Closed: gone otherwise. Moved: still there, the "
    "liquidation price 2 % or more elsewhere. Model: what the estimate lets close in that time, sweeps left aside."
)

ABOUT_LEFT = (
    "First: share of the dollars that the same accounts still held. Second: of those with a level, the share whose "
    "liquidation price lay within 2 % of where it was. By side, and by distance of the level from price at first; "
    f"fewer than {MIN_POSITIONS} positions are left blank. Only of accounts that were asked again: one that leaves a "
    "list has not closed."
)

ABOUT_FORCED = (
    "Of positions whose level price crossed between two snapshots. Forced: gone or smaller afterwards, less those "
    "closed before. Still held: the level had moved, or the venue's own price did not come there. Closed before: at "
    "the pace at which positions were closed whose level was as far and not reached; owners close sooner where price "
    "comes near, so it is rather more."
)

OPENED = "Opened: rank beyond distance"

FIGURES = {
    "rank_beyond_distance": "Fail: rank beyond distance",
    "rank": "Fail: rank",
    "overlap": "Fail: overlap",
    "top_ten": "Fail: ten biggest, share that the map's ten hold",
}


def comparison_table(
    entries: EntryComparison | None, compared: Comparison | None, isolated: Comparison | None
) -> pd.DataFrame:
    """Return how the estimate compares with real positions, as rows of text; what is None is left blank.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "1d", now="2026-09-01")
    >>> compared = liq.compare(liq.estimate(market), simulated_positions(market).levels("BTC"))
    >>> comparison_table(None, compared, None)[""].tolist()[0]
    'Fail: rank beyond distance'
    """
    rows = []
    if entries is not None:
        rows.append({"": OPENED, **_cells(entries, "rank_beyond_distance")})
    if compared is not None:
        rows += [{"": title, **_cells(compared, name)} for name, title in FIGURES.items()]
    table = pd.DataFrame(rows).assign(**{"Isolated alone": "", "Interval, isolated": ""})
    if compared is not None and isolated is not None:
        table.iloc[-len(FIGURES) :, -2] = [_number(getattr(isolated, name), name) for name in FIGURES]
        table.iloc[-len(FIGURES) :, -1] = [_interval(isolated.intervals[name], name) for name in FIGURES]
    return table


def day_table(entries: EntryComparison | None, compared: Comparison | None) -> pd.DataFrame:
    """Return the same by day, the latest day first, as rows of text.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "1d", now="2026-09-01")
    >>> compared = liq.compare(liq.estimate(market), simulated_positions(market).levels("BTC"))
    >>> day_table(None, compared)["Day"].tolist()
    ['01 Sep 2026', '31 Aug 2026']
    """
    columns: dict[str, pd.Series] = {}
    beyond = "rank_beyond_distance"
    if entries is not None:
        by_day = entries.by_day.set_axis(pd.DatetimeIndex(entries.by_day.index).floor("D"))
        columns["Opened beyond distance"] = _numbers(by_day[beyond], beyond)
        columns["six days before"] = _numbers(by_day[f"placebo_{beyond}"], beyond)
    if compared is not None:
        by_day = compared.by_day
        columns["Fail beyond distance"] = _numbers(by_day[beyond], beyond)
        columns["a week before"] = _numbers(by_day[f"placebo_{beyond}"], beyond)
        columns |= {
            title: _numbers(by_day[name], name)
            for name, title in (("rank", "Rank"), ("overlap", "Overlap"), ("top_ten", "Ten biggest"))
        }
        columns["Snapshots"] = by_day["snapshots"].map("{:,.0f}".format)
    table = pd.DataFrame(columns).fillna("").sort_index(ascending=False)
    days = pd.DatetimeIndex(table.index).strftime("%d %b %Y")
    return table.reset_index(drop=True).assign(Day=days)[["Day", *columns]]


def leverage_table(positions: Positions, market: Market) -> pd.DataFrame:
    """Return shares of real dollars by distance of the liquidation price from entry, as text.

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "1d", now="2026-09-01")
    >>> len(leverage_table(simulated_positions(market), market))
    6
    """
    table = dollars_by_distance(positions, market.base, market.as_of + market.bar)
    text = {
        f"{side.capitalize()}s, {margin}": [_share(value) for value in table[side, margin]]
        for side in SIDES
        for margin in ("isolated", "cross")
        if table[side, margin].notna().any()
    }
    return pd.DataFrame({"From entry": table.index, **text})


def survival_table(followed: pd.DataFrame) -> pd.DataFrame:
    """Return what became of positions within a day, as text.

    >>> row = {"positions": 3, "liquidated": 0.0, "closed": 1.0, "moved": 0.0, "kept": 0.0, "model": 0.5}
    >>> survival_table(pd.DataFrame([row], index=["0 to 2 %"]))["Closed"].item()
    '100 %'
    """
    shares = {name.capitalize(): [_share(value) for value in followed[name]] for name in followed.columns}
    counts = [f"{count:,}" for count in followed["positions"]]
    return pd.DataFrame({"From price": followed.index, **shares, "Positions": counts})[
        ["From price", "Positions", *(name for name in shares if name != "Positions")]
    ]


def left_table(left: pd.DataFrame) -> pd.DataFrame:
    """Return what is left of positions and of levels (`liq.validation.positions.survival`), a row a group, as text.

    >>> rows = {"age": [pd.Timedelta(days=1)], "group": ["all"], "positions": [30], "held": [0.9], "level": [0.4]}
    >>> left_table(pd.DataFrame(rows)).values.tolist()
    [['All', '90 %, 40 %']]
    """
    names = {ALL: "All", "long": "Longs", "short": "Shorts"}
    names |= {group: f"Level {group} from price" for group in CLASS_NAMES}
    shown = left[left["positions"] >= MIN_POSITIONS]
    groups = [group for group in names if (shown["group"] == group).any()]
    table = pd.DataFrame({"": [names[group] for group in groups]})
    for age, rows in shown.groupby("age"):
        cells = {
            group: ", ".join(filter(None, (_share(held), _share(level))))
            for group, held, level in zip(rows["group"], rows["held"], rows["level"], strict=True)
        }
        table[f"After {age_name(pd.Timedelta(str(age)))}"] = [cells.get(group, "") for group in groups]
    return table


def forced_table(share: ForcedShare) -> pd.DataFrame:
    """Return what became of crossed dollars by side and distance, as text; rows without any are left out.

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> from liq.validation.positions.forced import forced_share
    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> forced_table(forced_share(simulated_positions(market), market)).columns.tolist()[1:4]
    ['Positions', 'Forced', 'Still held']
    """
    sides = share.by_side.rename({"long": "Longs", "short": "Shorts"})
    distances = share.by_distance.set_axis([f"Level {name} from price" for name in share.by_distance.index])
    table = pd.concat([sides, distances])
    table = table[table["positions"] > 0]
    return pd.DataFrame(
        {
            "": table.index,
            "Positions": [f"{count:,}" for count in table["positions"]],
            "Forced": [_share(value) for value in table["forced"]],
            "Still held": [_share(value) for value in table["kept"]],
            "Closed before": [_share(value) for value in table["closed"]],
        }
    )


def _cells(report: EntryComparison | Comparison, name: str) -> dict[str, str]:
    return {
        "All positions": _number(getattr(report, name), name),
        "Interval": _interval(report.intervals[name], name),
        "Older map": _number(report.placebo[name], name) or "window too short",
    }


def _interval(ends: tuple[float, float], name: str) -> str:
    return " to ".join(_number(end, name) for end in ends) if np.isfinite(ends).all() else "too few days"


def _numbers(values: pd.Series, name: str) -> pd.Series:
    return values.map(lambda value: _number(value, name))


def _number(value: float, name: str) -> str:
    if not np.isfinite(value):
        return ""
    return f"{value:+.2f}" if "rank" in name else whole_percent(value)


def _share(value: float) -> str:
    return whole_percent(value) if np.isfinite(value) else ""
