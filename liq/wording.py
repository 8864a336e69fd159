"""Words for a map by what it was made from, so that no page, file or picture calls real positions an estimate.

Each kind of map (`Heatmap.kind`) has a row; adding a kind is adding a row.
"""

from __future__ import annotations

from typing import NamedTuple

from liq.formatting import DISCLAIMER


class Words(NamedTuple):
    """Hold what is said of one kind of map.

    heading : of a picture; usd, relief : before "per 0.1 % of price", and the unit of relief; at_price, in_zone : of
    axes; column : of a table; said : after dollars in a readout; note : closes a help text; about_all : of several
    maps or zones; then : of a column of dollars in the past; zones : of a list; png : of a download; since : before
    the time that positions were opened; disclaimer : of pictures and files; unit : of dollars in a file; reached,
    reached_both : of the strip under the heat, alone and with realised liquidations beneath; gone, gone_how : before
    them in the readout, the first left out where it is narrow; share, share_of, about_share : of the figure that says
    what the map rests on.
    """

    heading: str
    usd: str
    relief: str
    at_price: str
    in_zone: str
    column: str
    said: str
    note: str
    about_all: str
    then: str
    zones: str
    png: str
    since: str
    disclaimer: str
    unit: str
    reached: str
    reached_both: str
    gone: str
    gone_how: str
    share: str
    share_of: str
    about_share: str


ESTIMATE, REAL = "estimate", "real positions"
"""Kinds of map."""

HATCHED = "Hatched: no snapshot of the day before."
"""What columns without real positions are said to be."""

LEFT_EDGE = "so its left edge shows less than stood."
"""End of the note on candles that reach too little back, which is of no weight where positions are the map."""

WORDS = {
    ESTIMATE: Words(
        heading="Estimated liquidation heatmap",
        usd="Estimated USD",
        relief="Estimated, × usual at this distance",
        at_price="Estimated USD at that price",
        in_zone="Estimated USD in it",
        column="Estimate",
        said="estimated",
        note="An estimate.",
        about_all="all are estimates",
        then="Estimate then",
        zones="Estimated liquidation zones",
        png="Estimate PNG",
        since="from",
        disclaimer=DISCLAIMER,
        unit="USD, estimated notional that would be force-closed",
        reached="liquidated per bar, estimated",
        reached_both="liquidated per bar, estimated up, realised down",
        gone="liquidated, ",
        gone_how="estimated",
        share="Anchored bars",
        share_of="to open interest",
        about_share="Share of the window's bars whose openings were read from open interest; the rest is judged by "
        "volume. How much of open interest the map places near the price is on the liquidation map.",
    ),
    REAL: Words(
        heading="Liquidation heatmap of real positions",
        usd="Real positions, $",
        relief="Real positions, × usual this far off",
        at_price="USD of real positions at that price",
        in_zone="USD of real positions in it",
        column="Dollars",
        said="real positions",
        note="Of the real positions seen.",
        about_all="all are levels of real positions",
        then="Dollars then",
        zones="Liquidation zones of real positions",
        png="Real positions PNG",
        since="first seen from",
        disclaimer="Real positions as last seen, not a guarantee; education and entertainment only.",
        unit="USD of real positions at the price where the venue would liquidate them",
        reached="levels reached per bar",
        reached_both="levels reached per bar up, liquidated down",
        gone="levels ",
        gone_how="reached",
        share="Covered bars",
        share_of="by snapshots",
        about_share="Share of the window's bars that a snapshot of at most a day before covers; the rest is hatched, "
        "and nothing is filled in.",
    ),
}
"""What is said of each kind of map."""


def dollars_of(kind: str, usd: str, positions: str) -> str:
    """Return dollars and whose they are, for a sentence.

    >>> dollars_of("estimate", "$20.0M", "shorts"), dollars_of("real positions", "$20.0M", "shorts")
    ('an estimated $20.0M of shorts', '$20.0M of real shorts')
    """
    return f"an estimated {usd} of {positions}" if kind == ESTIMATE else f"{usd} of real {positions}"
