"""`zones`: list the strongest zones on each side of the price, as the Top zones page does."""

from __future__ import annotations

import argparse

import pandas as pd

from liq import formatting
from liq.charts.tables.zones import side_table
from liq.commands import options, output
from liq.export import files, pine
from liq.model.heatmap import Heatmap
from liq.sources import titles
from liq.wording import ESTIMATE, WORDS
from liq.zones.ranking import side_totals, top_zones

EXAMPLES = """examples:
  python -m liq zones BTC --lookback 7d
  python -m liq zones ETH --source gate --format json
  python -m liq zones --source simulated --format csv --output zones.csv
  python -m liq zones --file btcusdt_5m.csv --format pine

Prices are in quote currency, dollars are estimates, times UTC. The JSON's schema is liq.zones/1 (docs/commands.md).
"""

HEADINGS = {"above": "Above price (potential squeeze zones)", "below": "Below price (potential flush zones)"}

COLUMNS = ("range", "usd", "distance", "share", "leverage", "age", "status")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    options.market_arguments(parser)
    options.map_arguments(parser)
    output.arguments(parser, ("table", "json", "csv", "pine"))
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> int:
    """Rank the zones and write them in the chosen format."""
    format = output.output_format(args)
    heatmap = options.load_heatmap(args, options.load_market(args))
    zones = top_zones(heatmap)
    if format == "json":
        text = files.zones_json(heatmap, zones)
    elif format == "csv":
        text = files.zones_csv(heatmap, zones)
    elif format == "pine":
        text = pine.indicator(heatmap, zones)
    else:
        text = zones_text(heatmap, zones, args.lookback)
    output.write_output(text, args)
    return 0


def zones_text(heatmap: Heatmap, zones: pd.DataFrame, lookback: str) -> str:
    """Return the zones as a text table with title and disclaimer.

    >>> from liq import estimate, fetch
    >>> heatmap = estimate(fetch("BTC", "7d", source="simulated"))
    >>> "Above price" in zones_text(heatmap, top_zones(heatmap), "7d")
    True
    """
    market, totals = heatmap.market, side_totals(heatmap)
    price = formatting.price(market.price, formatting.decimals(market.price, market.tick))
    title, moment = titles.market_title(market, lookback), formatting.timestamp(market.as_of)
    if heatmap.kind != ESTIMATE:  # an estimate is called one in the last line
        title = f"{title} · {heatmap.kind}"
    lines = [title, f"Price {price}, {moment}"]
    for name, total in (("above", totals.above), ("below", totals.below)):
        rows = side_table(heatmap, zones, name)[list(COLUMNS)]
        lines += ["", f"{HEADINGS[name]}, total heat {formatting.money(total)}"]
        lines.append("Nothing stands out on this side." if rows.empty else rows.to_string(index=False))
    return "\n".join([*lines, "", WORDS[heatmap.kind].disclaimer])
