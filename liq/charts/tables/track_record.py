"""The track record of zones as tables to read."""

from __future__ import annotations

import pandas as pd

from liq.formatting import decimals, money, naive_utc, percent, price
from liq.model.heatmap import Heatmap
from liq.validation.track_record import OUTCOMES, TrackRecord
from liq.wording import WORDS


def outcome_table(record: TrackRecord) -> pd.DataFrame:
    """Return how many zones ended in each way, and the comparison with placebo levels below.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> from liq.validation.track_record import track_record
    >>> record = track_record(liq.estimate(simulate("BTC", "1d", now="2026-09-01")))
    >>> outcome_table(record)["What"].tolist()[-2:]
    ['price came to, decayed or not', 'passed of passed or turned']
    """
    counts = record.zones["outcome"].value_counts()
    rows = [
        (name, str(counts.get(name, 0)), _share(counts.get(name, 0) / len(record.zones)), "") for name in OUTCOMES
    ]
    passed, turned = int(counts.get("passed", 0)), int(counts.get("turned", 0))
    rows += [
        (
            "price came to, decayed or not",
            str(int(record.zones["hours"].notna().sum())),
            _share(record.came),
            _share(record.levels_came),
        ),
        (
            "passed of passed or turned",
            f"{passed} of {passed + turned}",
            _share(record.passed),
            _share(record.levels_passed),
        ),
    ]
    return pd.DataFrame(rows, columns=["What", "Zones", "Share", "Placebo levels"])


def zone_table(heatmap: Heatmap, record: TrackRecord) -> pd.DataFrame:
    """Return every zone that was named, the latest first.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> from liq.validation.track_record import track_record
    >>> heatmap = liq.estimate(simulate("BTC", "1d", now="2026-09-01"))
    >>> zone_table(heatmap, track_record(heatmap)).columns.tolist()
    ['Named, UTC', 'Side', 'Range', 'Estimate then', 'From price then', 'Outcome', 'Known, UTC']
    """
    zones = record.zones.iloc[::-1]
    places = decimals(heatmap.market.price, heatmap.market.tick)
    return pd.DataFrame(
        {
            "Named, UTC": [f"{naive_utc(moment):%d %b %H:%M}" for moment in zones["named"]],
            "Side": zones["side"].to_numpy(),
            "Range": [
                f"{price(low, places)} to {price(high, places)}"
                for low, high in zip(zones["low"], zones["high"], strict=True)
            ],
            WORDS[heatmap.kind].then: [money(usd) for usd in zones["usd"]],
            "From price then": [percent(value) for value in zones["distance"]],
            "Outcome": zones["outcome"].to_numpy(),
            "Known, UTC": [
                "" if outcome == "still there" else f"{naive_utc(moment):%d %b %H:%M}"
                for moment, outcome in zip(zones["ended"], zones["outcome"], strict=True)
            ],
        }
    )


def _share(value: float) -> str:
    """Return a share as text, nothing for none."""
    return "" if value != value else percent(value, 0, sign=False)
