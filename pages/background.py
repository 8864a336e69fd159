"""What the map is, how it is built, how to read it, and what it cannot know."""

import streamlit as st

from liq.app import controls
from liq.formatting import escape_markdown
from liq.model.prior import PRIORS
from liq.zones.desk_notes import ABSORPTION, CONFLUENCE, MIGRATION

controls.view()

st.header("Background")
st.subheader("What a liquidation is")
st.markdown(
    """
A trader with leverage puts up only a part of a position as margin. When price goes against the position, the
loss eats that margin. Before it is gone, at the point where what is left falls below the **maintenance margin**,
the venue closes the position at market, whether the trader agrees or not. That is a liquidation.

A long is closed by **selling**, a short by **buying**. So forced orders push in the direction that price was
already going, and many of them close together can carry price from one level into the next. At 100x that point
lies half a per cent from the entry, at 10x almost ten per cent, at 3x about a third of the price away.
"""
)

st.subheader("How the map is built")
st.markdown(
    """
Where a venue states what its accounts hold, as Hyperliquid does, **real positions are the map**: each level where the
venue itself would liquidate, from one snapshot to the next, until price reaches it. The page says which share of open
interest was seen and how old it is; where there is no snapshot the picture is hatched, and nothing is filled in. Of
what price reached, a part only is forced: traders add margin, reduce or close on the way.

Most venues do not publish their traders' positions; there the map is an **estimate from public data**: candles,
volume, and open interest where it is given. The bars are walked from the oldest to the newest, and each does four
things, in this order.

1. **Sweep.** Longs whose liquidation price the bar's low has reached are gone, and shorts whose price its high has
   reached. Their dollars are the estimated liquidations under the chart. A band of heat ends where price took it.
2. **Close.** Most positions end because their owner closes them. Open interest that falls while volume is traded
   says how many did; where open interest is unknown, positions fade with a half-life.
3. **Open.** What was opened stands on **both** sides: each contract has one long and one short, whatever the
   candle's colour. Entries are spread over the bar's range, and split over leverages by the prior.
4. **Photograph.** What stands at the end of the bar becomes one column of the picture.

Each entry's liquidation price follows the venue's own rule with its maintenance-margin bracket. Leaving the
maintenance margin out, as many maps do, puts a 100x level twice as far away as it is.

A finished column never changes when later bars arrive; only the bar that is still forming moves. The visible
window is preceded by weeks of coarser bars, so its left edge is not empty, and a zone has much the same dollars in
every timeframe: finer bars place them more exactly.
"""
)

st.subheader("Leverage priors")
st.markdown(
    "How much leverage traders take is the one thing that public data hardly show. A prior says what is assumed, "
    "and it matters: try them, and compare which zones stay."
)
st.markdown(
    "What is confirmed: which ground price covers when, and how many dollars that forces. The same engine, given the "
    "path of price alone, explains nearly as much; that volume and open interest tell where positions are is worth "
    "little, and is not confirmed. Levels farther from price than the fitted data reach are drawn dim: there the map "
    "is a law and not data. Dollars are each venue's own, per dollar of its open interest, with an interval."
)
for prior in PRIORS.values():
    st.markdown(f"**{prior.title}**. {escape_markdown(prior.origin)}")

st.subheader("Controls")
st.markdown(
    """
- **Ticker** and **Source**: which perpetual, and who says so. *auto* tries one venue after the other, *all* adds
  several on one price grid, *simulated* is an invented market whose positions are known, *file* is your own
  recording.
- **Map**: real positions or the estimate, never both in one picture. *auto* shows real ones where snapshots cover the
  market well enough.
- **Timeframe**: the window and with it the length of a bar.
- **Liquidity threshold**: leaves the faintest cells dark. It travels by rank, so every step removes as many cells as
  the one before, and the dollars it hides are written under the chart. It filters the picture, never the zones.
- **Colours**: dollars, or relief: multiples of what is usual at that distance from price.
- **More heat**: lifts the faint without touching the strong. The dollars on the colour scale move along.
- **Klines**: candles on or off. **All prices**: the whole price range instead of the part that matters.
- **Leverage**: which positions count. The map is the sum of its leverage bands, so this re-weighs it exactly.
- **Untested levels**: levels beyond the fitted data's reach, drawn dim or hidden.
- **Realised liquidations**: rings where they really happened, for sources that report them.
- **Named zones**: boxes of the strongest zones as they were named in the window, until price came there or they had
  decayed.
- **Under the heat**: open interest, funding rate, and what takers bought less what they sold, on the same time axis.
- **Prior**: what is assumed about leverage. **Live**: refresh the price, and the map when a bar closes.
- **As of**, and the slider under the heatmap: what stood at an earlier bar, with nothing from later. Play goes
  through the window.
- **Watchlist**: many tickers in rows, the one closest to a strong zone first, with alerts by size and distance.

The address of the page holds all of this; send it, and the other side sees the same view.
"""
)

st.subheader("Lookbacks")
st.markdown(
    """
**Short windows (12h to 3d)** show fine bars and what was opened in the last days: near levels of high leverage,
the short-term traps around the price. **Long windows (1M to 6M)** show coarse bars and what has survived for
weeks: the macro structure, mostly of low leverage, far from the price. A zone that is clear in both is there for
two reasons. Its dollars are about the same in either; which zone is the strongest may differ.
"""
)

st.subheader("How traders use it")
st.markdown(
    """
These are habits, not laws; none of them has been shown here to predict direction.

- **Magnetic zones.** Forced orders are liquidity for whoever wants to fill size, so a large zone near the price is
  watched as a place that price may visit. Whether it attracts price more than chance has not survived a test that
  we know of.
- **Support and resistance.** A zone that has been taken is spent: what pushed there is gone. One that held through
  a visit is still loaded. The status of each zone says which.
- **Reversal pressure.** When a large zone has been swept and price stops, the forced orders that fed the move are
  used up. Some look for a turn there, others only stop chasing.
- **Risk.** The most solid use is the dullest: do not put a stop or a liquidation price where everybody's is.
"""
)

st.subheader("Reality check")
st.markdown(
    """
A map of positions that nobody sees can be wrong without anybody noticing, so this one is scored. The estimated
liquidations of each bar are compared with those that venues report, beside an honest rival that knows only the
bar's range and volume. Where the map adds nothing to that rival, the page says so.

What it cannot know: margin added later, cross margin that other positions pay for, hedges, stop orders that close
first, and traders who use less leverage than the venue shows. Only a few per cent of open interest stands within
reach of ordinary moves, and the calibrated prior says so in its dollars. Read zones as ranges, not as ticks, and
dollars as orders of magnitude.
"""
)

st.subheader("Quick scenarios")
st.markdown(
    """
- **Squeeze.** The near book is mostly shorts above the price. If price rises into them, they are bought back, and
  that buying meets the next shorts.
- **Flush.** The near book is mostly longs below. If price falls into them, they are sold, and that selling meets
  the next longs.
- **Range.** Both sides are loaded alike. Price can take a little of each in turn; the levels between two strong
  zones are thin, and the edges are where something has to give.

Top zones names the one that the book is in now, with its numbers. All three are conditions that begin with "if".
"""
)

st.subheader("Desk notes")
st.markdown(
    f"""
- **Absorption.** {ABSORPTION} Somebody took the other side of the forced orders, and the move did not go on.
- **Migration.** {MIGRATION} Traders have re-entered elsewhere, and the old levels matter less.
- **Confluence.** {CONFLUENCE} Two unrelated reasons to watch one price.

Top zones shows those that the data contain now, each with its rule.
"""
)

st.subheader("What this is not")
st.markdown(
    "Estimated structure, for education and entertainment only. It is not a forecast, not advice, and not a "
    "guarantee of any kind. The estimate knows nobody's position, real positions are those of a part of one venue, "
    "and no order should rest on this map alone."
)
