"""`zones`: the strongest zones on each side of the price, as the Top zones page has them."""

from __future__ import annotations

import argparse

import pandas as pd

from liq import formatting
from liq.charts.zone_table import side_table
from liq.commands import options, output
from liq.export import files, pine
from liq.formatting import DISCLAIMER
from liq.model.heatmap import Heatmap
from liq.sources import titles
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
    """Say what the command takes."""
    options.market_arguments(parser)
    options.map_arguments(parser)
    output.arguments(parser, ("table", "json", "csv", "pine"))
    parser.epilog = EXAMPLES


def run(asked: argparse.Namespace) -> int:
    """Answer."""
    form = output.output_format(asked)
    heatmap = options.load_heatmap(asked, options.load_market(asked))
    zones = top_zones(heatmap)
    if form == "json":
        answer = files.zones_json(heatmap, zones)
    elif form == "csv":
        answer = files.zones_csv(heatmap, zones)
    elif form == "pine":
        answer = pine.indicator(heatmap, zones)
    else:
        answer = table(heatmap, zones, asked.lookback)
    output.write_output(answer, asked)
    return 0


def table(heatmap: Heatmap, zones: pd.DataFrame, lookback: str) -> str:
    """Return the zones as text to read."""
    market, stands = heatmap.market, side_totals(heatmap)
    price = formatting.price(market.price, formatting.decimals(market.price, market.tick))
    lines = [titles.market_title(market, lookback), f"Price {price}, {formatting.timestamp(market.as_of)}"]
    for name, total in (("above", stands.above), ("below", stands.below)):
        rows = side_table(heatmap, zones, name)[list(COLUMNS)]
        lines += ["", f"{HEADINGS[name]}, total heat {formatting.money(total)}"]
        lines.append("Nothing stands out on this side." if rows.empty else rows.to_string(index=False))
    return "\n".join([*lines, "", DISCLAIMER])
