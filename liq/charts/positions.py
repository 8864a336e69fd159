"""Real positions as drawn: dollars by price beside the map, lines on the heatmap, and what is said of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from liq.formatting import age, epoch_milliseconds, money, whole_percent
from liq.market import SIDES, Market, as_utc
from liq.positions import Positions, levels_of
from liq.sources.titles import source_title

BUCKET = 0.004
"""Log price whose real dollars are one line on the heatmap."""

MAX_LINES = 300
"""Maximum number of lines on the heatmap, the largest."""

FEW = 100
"""Number of positions with a liquidation price below which a snapshot is called small."""

OLD = pd.Timedelta(hours=2)
"""Age at which a snapshot is called old: after four days half of all levels have moved."""

COLUMNS = ("from", "to", "price", "strength")


def positions_by_bucket(positions: Positions, market: Market, edges: np.ndarray) -> np.ndarray:
    """Return real USD by price bucket in the last snapshot at or before the market's moment, both sides (B,).

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "12h", now="2026-09-01")
    >>> edges = market.price * np.linspace(0.9, 1.1, 41)
    >>> bool(positions_by_bucket(simulated_positions(market), market, edges).sum() > 0)
    True
    """
    levels = levels_of(positions.snapshot(market.base, market.as_of + market.bar))
    return np.asarray(np.histogram(levels["low"], edges, weights=levels["usd"])[0])


def positions_by_zone(positions: Positions, market: Market, zones: pd.DataFrame) -> list[float]:
    """Return USD of real positions in each zone's range, of the side that would be closed there.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> heatmap = liq.estimate(simulate("BTC", "1d", now="2026-09-01"), columns=1)
    >>> zones = liq.top_zones(heatmap)
    >>> len(positions_by_zone(simulated_positions(heatmap.market), heatmap.market, zones)) == len(zones)
    True
    """
    levels = levels_of(positions.snapshot(market.base, market.as_of + market.bar))
    level, usd = levels["low"], levels["usd"]
    closed = {"above": levels["side"] == "short", "below": levels["side"] == "long"}
    return [
        float(usd[closed[side] & (level >= low) & (level < high)].sum())
        for side, low, high in zip(zones["side"], zones["low"], zones["high"], strict=True)
    ]


def heatmap_lines(positions: Positions | None, market: Market, low: float, high: float) -> pd.DataFrame:
    """Return lines of real dollars along time for the heatmap: COLUMNS, times in UTC ms, strength 0 to 1.

    A snapshot lasts until the next one, at most for twice the usual time between two; nothing of it is drawn outside
    low to high, and nothing later than the market's moment.

    >>> from liq.sources.simulation.market import simulate
    >>> heatmap_lines(None, simulate("BTC", "12h", now="2026-09-01"), 1.0, 2.0).columns.tolist()
    ['from', 'to', 'price', 'strength']
    """
    nothing = pd.DataFrame({name: pd.Series(dtype=float) for name in COLUMNS})
    if positions is None:
        return nothing
    start, end = as_utc(market.start, "start"), as_utc(market.as_of, "as_of") + market.bar
    times = positions.times
    times = times[(times >= start) & (times <= end)]
    rows = positions.rows
    rows = rows[(rows["coin"] == market.base) & rows["time"].isin(times)]
    rows = rows[(rows["liquidation_price"] > low) & (rows["liquidation_price"] < high)]
    if not len(rows):
        return nothing
    usual = np.median(np.diff(times.as_unit("ms").asi8)) if len(times) > 1 else market.bar.total_seconds() * 4000
    since = epoch_milliseconds(times)
    until = np.minimum(np.append(since[1:], since[-1] + usual), since + 2 * usual)
    until = np.minimum(until, epoch_milliseconds(pd.DatetimeIndex([end]))[0])
    bucket = np.floor(np.log(rows["liquidation_price"].to_numpy() / low) / BUCKET).astype(np.int64)
    number = times.get_indexer(pd.DatetimeIndex(rows["time"]))
    usd = (rows["coins"] * rows["liquidation_price"]).to_numpy()
    summed = pd.Series(usd).groupby([number, bucket]).sum().nlargest(MAX_LINES)
    at, step = (summed.index.get_level_values(level).to_numpy() for level in (0, 1))
    return pd.DataFrame(
        {
            "from": since[at],
            "to": until[at],
            "price": low * np.exp((step + 0.5) * BUCKET),
            "strength": np.sqrt(summed.to_numpy() / summed.max()).round(3),
        }
    )


def positions_sentences(positions: Positions, market: Market, source: str) -> list[str]:
    """Return whose real positions these are in one sentence, and one for each reason not to lean on them.

    source : of the estimate beside it.

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "12h", now="2026-09-01")
    >>> positions_sentences(simulated_positions(market), market, "simulated")[0][:14]
    'Real positions'
    """
    rows = positions.snapshot(market.base, market.as_of + market.bar)
    if not len(rows):
        return [f"No real position in {market.base} was seen up to this moment."]
    time = pd.Timestamp(rows["time"].iloc[0])
    known = rows[rows["liquidation_price"].notna()]
    usd = known["coins"] * known["liquidation_price"]
    by_side = {side: float(usd[known["side"] == side].sum()) for side in SIDES}
    share = positions.share_seen(market.base, time)
    seen = f", {whole_percent(share)} of its open interest" if np.isfinite(share) else ""
    elapsed = as_utc(market.as_of, "as_of") - time
    said = [
        f"Real positions of {rows['account'].nunique():,} accounts on {source_title(positions.source)}{seen}: "
        f"{money(by_side['long'])} of longs and {money(by_side['short'])} of shorts with a liquidation price, "
        f"{age(time, market.as_of) if elapsed > pd.Timedelta(0) else 'seconds'} old."
    ]
    if positions.source != source:
        said.append(f"The estimate is of {source_title(source)}: another venue than the positions.")
    if len(known) < FEW:
        said.append(f"{len(known)} positions are a small sample.")
    if elapsed > OLD:
        said.append(
            "The snapshot is old: after a day one position in twenty is gone, after four days half have moved."
        )
    cross = float((known["margin"] == "cross").mean()) if len(known) else 0.0
    if cross > 0.95:
        most = "All" if cross == 1 else "Nearly all"
        said.append(f"{most} are cross positions as stated, whose price is where the whole account fails.")
    passes = positions.passes[positions.passes["time"] == time]
    if len(passes) and passes["failed"].iloc[0] > 0.1 * passes["asked"].iloc[0]:
        said.append(f"{int(passes['failed'].iloc[0]):,} of {int(passes['asked'].iloc[0]):,} accounts did not answer.")
    return said
