"""Bars that remove more than half of the standing book, named so that none does it in silence."""

from __future__ import annotations

import numpy as np

from liq.market import SIDES
from liq.model.estimated import Estimate
from liq.model.heatmap import Heatmap

HALF = 0.5
"""Share of a side's standing dollars from which a bar is named."""

MOST = 3
"""Maximum number of bars named, the worst."""

USUAL = 3.0
"""Multiple of the median volume below which a wick is not borne out by trading."""


def book_losses(heatmap: Heatmap) -> list[str]:
    """Return a sentence on each visible bar that swept more than half of a side, or in which open interest halved.

    Such bars are real in a crash, and one false low or one false open interest has the same effect; so they are
    kept and named, with whether volume and realised liquidations bear them out.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> book_losses(liq.estimate(simulate("BTC", "1d", now="2026-09-01"), columns=1))
    []
    """
    if not isinstance(heatmap, Estimate):
        return []  # only an estimate lets positions close between two sweeps
    if heatmap.parts:
        return list(dict.fromkeys(note for part in heatmap.parts for note in book_losses(part)))
    market, balance = heatmap.market, heatmap.balance_sheet
    visible = np.asarray(market.candles.index >= market.start)
    volume = market.candles["volume"].to_numpy()
    usual = float(np.median(volume[visible])) if visible.any() else 0.0
    found: list[tuple[float, str]] = []
    for side in SIDES:
        standing = balance[side]["standing"].to_numpy()
        before = np.concatenate([[0.0], standing[:-1]])
        swept = balance[side]["swept"].to_numpy()
        # what a long bar opens itself and sweeps again was never seen standing
        share = np.divide(np.minimum(swept, before), before, out=np.zeros_like(before), where=before > 0)
        for row in np.flatnonzero(visible & (share > HALF) & (np.arange(len(share)) > 0)).tolist():
            borne = "" if volume[row] > USUAL * usual else ", at usual volume"
            when = f"{market.times[row]:%Y-%m-%d %H:%M}"
            found.append((share[row], f"One bar, {when}, took {share[row]:.0%} of the {side}s that stood{borne}."))
    interest = market.open_interest
    if interest is not None:
        values = interest.to_numpy()
        with np.errstate(invalid="ignore", divide="ignore"):
            fell = values[1:] / values[:-1]
        for row in (np.flatnonzero(fell < HALF) + 1).tolist():
            if visible[row]:
                lost, when = 1 - fell[row - 1], f"{market.times[row]:%Y-%m-%d %H:%M}"
                found.append((lost, f"Open interest fell by {lost:.0%} in one bar, {when}, and the book with it."))
    found.sort(reverse=True)
    return [sentence for _, sentence in found[:MOST]]
