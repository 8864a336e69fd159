"""`skill`: the map held against liquidations that really happened, as the Reality check page does."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

from liq.commands import options, output
from liq.errors import InputError
from liq.export.schema import document, iso_time, source_name, to_json
from liq.model.heatmap import Heatmap
from liq.sources import titles
from liq.validation import reality_check
from liq.validation.reality_check import ScoringInput
from liq.validation.skill import Skill
from liq.validation.zone_touches import ZoneTouches

SCHEMA = "liq.skill/1"

EXAMPLES = """examples:
  python -m liq skill BTC --source gate --lookback 1M
  python -m liq skill --source simulated --format json
  python -m liq skill --file btcusdt_5m.csv --liquidations mine.csv --format csv

Needs realised liquidations: Gate, Kraken Futures and the simulated market have them; Binance's, Bybit's and OKX's
are read from what `record` wrote into the folder LIQ_RECORDED; or bring a file with the columns open_time_ms, long,
short (USD). csv is one row per scored bar and side. The JSON's schema is liq.skill/1
(docs/commands.md); docs/skill.md says what every figure means.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    options.market_arguments(parser)
    options.map_arguments(parser)
    liquidations_argument(parser)
    output.arguments(parser, ("table", "json", "csv"))
    parser.epilog = EXAMPLES


def liquidations_argument(parser: argparse.ArgumentParser) -> None:
    """Add the file of realised liquidations."""
    parser.add_argument("--liquidations", metavar="PATH", help="realised liquidations of your own, as CSV or Parquet")


def run(asked: argparse.Namespace) -> int:
    """Answer."""
    form = output.output_format(asked)
    heatmap = options.load_heatmap(asked, options.load_market(asked))
    base = ground(asked, heatmap)
    report = reality_check.score(base)
    if form == "csv":
        output.write_output(_csv(heatmap, report), asked)
    elif form == "json":
        output.write_output(_json(heatmap, base, report, reality_check.followed_zones(heatmap)), asked)
    else:
        output.write_output(_table(asked, heatmap, base, report, reality_check.followed_zones(heatmap)), asked)
    return 0


def ground(asked: argparse.Namespace, heatmap: Heatmap) -> ScoringInput:
    """Return the map and what it is held against; raise InputError where there is nothing."""
    path = asked.liquidations and Path(asked.liquidations)
    base = (
        reality_check.scoring_input(heatmap, options.read_file(path), path.name)
        if path
        else reality_check.scoring_input(heatmap)
    )
    if base is None:
        raise InputError(
            f"{titles.source_title(heatmap.market.source)} has no realised liquidations to hold the map against; "
            "take --source gate or krakenfutures, record a stream (python -m liq record), or bring your own with "
            "--liquidations."
        )
    return base


def _csv(heatmap: Heatmap, report: Skill) -> str:
    long = report.scored.stack(level=1, future_stack=True)[["estimated", "realised", "baseline"]].round(2)
    long.index.names = ["time", "side"]
    frame = long.reset_index()
    frame["time"] = [iso_time(at) for at in frame["time"]]
    frame.insert(0, "symbol", heatmap.market.symbol)
    frame.insert(1, "source", source_name(heatmap.market))
    return frame.to_csv(index=False, lineterminator="\n")


def _json(heatmap: Heatmap, base: ScoringInput, report: Skill, found: ZoneTouches) -> str:
    figures = {field.name: getattr(report, field.name) for field in fields(report) if field.name != "scored"}
    touches = {
        "sentence": found.sentence,
        "since": found.since,
        "until": found.until,
        "reached": [answer._asdict() for answer in found.reached],
        "through": found.through._asdict(),
    }
    body = {"remark": base.remark, "sentence": report.sentence, "figures": figures, "touches": touches}
    return to_json(document(SCHEMA, heatmap, **body), indent=1)


def _table(asked: argparse.Namespace, heatmap: Heatmap, base: ScoringInput, report: Skill, found: ZoneTouches) -> str:
    from liq.charts import reality_check_tables as tables  # only a table needs pictures' words

    lines = [
        titles.market_title(heatmap.market, asked.lookback),
        *([base.remark] if base.remark else []),
        report.sentence,
        tables.scored_period(report),
        "",
        tables.skill_table(report).to_string(index=False, na_rep=""),
        "",
        found.sentence,
        "",
        tables.touch_table(found).to_string(index=False),
    ]
    return "\n".join(lines)
