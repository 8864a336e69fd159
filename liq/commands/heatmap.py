"""`heatmap`: write the map as numbers, or as the picture that the page shows."""

from __future__ import annotations

import argparse

from liq.charts.heatmap.window import Window, thin_columns, window
from liq.commands import options, output
from liq.errors import InputError
from liq.export import files
from liq.model.heatmap import Heatmap
from liq.sources import titles

EXAMPLES = """examples:
  python -m liq heatmap BTC --lookback 7d --output btc.png
  python -m liq heatmap ETH --source gate --format csv | head
  python -m liq heatmap --source simulated --lookback 1M --columns 200 --format parquet > map.parquet

The numbers are the cells that the page draws: USD per bucket of price as of the end of each column, times UTC (the
column's beginning). --all-prices has every bucket. The JSON's schema is liq.heatmap/1 (docs/commands.md); Parquet
carries the same in its metadata, under "liq".
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    options.market_arguments(parser)
    options.map_arguments(parser)
    output.arguments(parser, ("csv", "json", "parquet", "png"))
    parser.add_argument("--columns", type=int, metavar="N", help="at most so many moments, evenly spaced")
    parser.add_argument("--all-prices", action="store_true", help="every bucket, not only the prices that matter")
    picture = parser.add_argument_group("only for png")
    picture.add_argument("--threshold", type=int, default=0, metavar="PERCENT", help="leave the faintest cells dark")
    picture.add_argument(
        "--more-heat", type=int, default=20, metavar="N", help="lift the faint, 0 to 100 (default 20)"
    )
    picture.add_argument("--no-klines", action="store_true", help="leave the candles out")
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> int:
    """Estimate the map and write it in the chosen format."""
    format = output.output_format(args)
    for name, value, highest in (("--threshold", args.threshold, 99), ("--more-heat", args.more_heat, 100)):
        if not 0 <= value <= highest:
            raise InputError(f"{name} must lie between 0 and {highest}, not {value}.")
    if args.columns is not None and args.columns < 1:
        raise InputError(f"--columns must be at least 1, not {args.columns}.")
    like = options.load_all_bands(args, options.load_market(args))
    heatmap = like.with_bands(options.chosen_bands(args))
    # as on the page, leaving bands out dims cells and does not rescale the colours
    drawn = window(heatmap, args.all_prices, like)
    drawn = drawn if args.columns is None else thin_columns(drawn, args.columns)
    if format == "csv":
        output.write_output(files.heat_csv(heatmap, drawn), args)
    elif format == "json":
        output.write_output(files.heat_json(heatmap, drawn), args)
    elif format == "parquet":
        output.write_output(files.heat_parquet(heatmap, drawn), args)
    else:
        output.write_output(_picture(args, heatmap, drawn), args)
    return 0


def _picture(args: argparse.Namespace, heatmap: Heatmap, drawn: Window) -> bytes:
    from liq.charts.heatmap import png  # only a picture needs the charts

    return png.heatmap_png(
        heatmap,
        part=drawn,
        title=titles.market_title(heatmap.market, args.lookback),
        threshold=args.threshold,
        more_heat=args.more_heat,
        klines=not args.no_klines,
        watermark="Simulated" if heatmap.market.source == "simulated" else "",
    )
