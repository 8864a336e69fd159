"""`skill`: score the map against realised liquidations, as the Reality check page does."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

from liq.commands import options, output
from liq.errors import InputError
from liq.export.schema import document, iso_time, source_name, to_json
from liq.model.estimated import Estimate
from liq.sources import titles
from liq.sources.archive import liquidations as tardis
from liq.validation import reality_check
from liq.validation.place import PlaceScore, place_score
from liq.validation.reality_check import ScoringInput
from liq.validation.skill import Skill
from liq.validation.zone_touches import ZoneTouches

TARDIS = "tardis"
"""What --liquidations names where they are Tardis's first days of months."""

SCHEMA = "liq.skill/1"

EXAMPLES = """examples:
  python -m liq skill BTC --source gate --lookback 1M
  python -m liq skill --source simulated --format json
  python -m liq skill --file btcusdt_5m.csv --liquidations mine.csv --format csv
  python -m liq skill BTC --source archive --liquidations tardis --as-of 2026-02-02

Needs realised liquidations: Gate, Kraken Futures and the simulated market have them; Binance's, Bybit's and OKX's
are read from what `record` wrote into the folder LIQ_RECORDED; or bring a file with the columns open_time_ms, long,
short (USD). --liquidations tardis takes the first day of a month, which Tardis gives to everybody, inside the window:
it is scored by time and by place, by default in a window of 3d (docs/archive.md). csv is one row per scored bar and
side. The JSON's schema is liq.skill/1 (docs/commands.md); docs/skill.md says what every figure means.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    options.market_arguments(parser)
    options.estimate_arguments(parser)
    liquidations_argument(parser)
    output.arguments(parser, ("table", "json", "csv"))
    parser.set_defaults(lookback=None)
    parser.epilog = EXAMPLES


def liquidations_argument(parser: argparse.ArgumentParser) -> None:
    """Add --liquidations, a file of realised liquidations.

    >>> parser = argparse.ArgumentParser()
    >>> liquidations_argument(parser)
    >>> parser.parse_args(["--liquidations", "mine.csv"]).liquidations
    'mine.csv'
    """
    parser.add_argument(
        "--liquidations",
        metavar="PATH",
        help=f"realised liquidations of your own, as CSV or Parquet, or {TARDIS}: the first days of months",
    )


def run(args: argparse.Namespace) -> int:
    """Score the map and write the report in the chosen format."""
    format = output.output_format(args)
    # a single day has too few bars of a quarter of an hour to fit the baseline on one half and score the other
    args.lookback = args.lookback or ("3d" if args.liquidations == TARDIS else "7d")
    heatmap = options.load_estimate(args, options.load_market(args)).with_bands(options.chosen_bands(args))
    scoring = scoring_input(args, heatmap)
    report = reality_check.score(scoring)
    place = _place(scoring)
    if format == "csv":
        output.write_output(_csv(heatmap, report), args)
    elif format == "json":
        output.write_output(_json(heatmap, scoring, report, place, reality_check.followed_zones(heatmap)), args)
    else:
        output.write_output(
            _table(args, heatmap, scoring, report, place, reality_check.followed_zones(heatmap)), args
        )
    return 0


def scoring_input(args: argparse.Namespace, heatmap: Estimate) -> ScoringInput:
    """Return the map with the realised liquidations to score it against; raise InputError where there are none.

    >>> from liq import estimate, fetch
    >>> heatmap = estimate(fetch("BTC", "7d", source="simulated"))
    >>> scoring_input(argparse.Namespace(liquidations=None), heatmap).heatmap.market.source
    'simulated'
    """
    if args.liquidations == TARDIS:
        events, days = tardis.first_days(heatmap.market)
        return ScoringInput(heatmap, tardis.by_minute(events, days), tardis.remark(days), events=events)
    path = args.liquidations and Path(args.liquidations)
    scoring = (
        reality_check.scoring_input(heatmap, path, dates=args.dates) if path else reality_check.scoring_input(heatmap)
    )
    if scoring is None:
        raise InputError(
            f"{titles.source_title(heatmap.market.source)} has no realised liquidations to hold the map against; "
            "take --source gate or krakenfutures, record a stream (python -m liq record), or bring your own with "
            "--liquidations."
        )
    return scoring


def _place(scoring: ScoringInput) -> PlaceScore | None:
    """Return where inside swept ranges liquidations lay; None without prices, or where no bar went far enough."""
    if scoring.events is None:
        return None
    try:
        return place_score(scoring.heatmap, scoring.events)
    except InputError as error:
        options.message(f"Place is not scored: {error}")
        return None


def _csv(heatmap: Estimate, report: Skill) -> str:
    rows = report.scored.stack(level=1, future_stack=True)[["estimated", "realised", "baseline"]].round(2)
    rows.index.names = ["time", "side"]
    frame = rows.reset_index()
    frame["time"] = [iso_time(at) for at in frame["time"]]
    frame.insert(0, "symbol", heatmap.market.symbol)
    frame.insert(1, "source", source_name(heatmap.market))
    return frame.to_csv(index=False, lineterminator="\n")


def _json(
    heatmap: Estimate, scoring: ScoringInput, report: Skill, place: PlaceScore | None, touches: ZoneTouches
) -> str:
    figures = {field.name: getattr(report, field.name) for field in fields(report) if field.name != "scored"}
    touch_figures = {
        "sentence": touches.sentence,
        "since": touches.since,
        "until": touches.until,
        "reached": [outcome._asdict() for outcome in touches.reached],
        "through": touches.through._asdict(),
    }
    body = {
        "remark": scoring.remark,
        "sentence": report.sentence,
        "twin_sentence": report.twin_sentence,
        "figures": figures,
        "touches": touch_figures,
        **({} if place is None else {"place": place._asdict()}),
    }
    return to_json(document(SCHEMA, heatmap, **body), indent=1)


def _table(
    args: argparse.Namespace,
    heatmap: Estimate,
    scoring: ScoringInput,
    report: Skill,
    place: PlaceScore | None,
    touches: ZoneTouches,
) -> str:
    from liq.charts.tables import reality_check as tables  # only the table format needs altair's tables

    lines = [
        titles.market_title(heatmap.market, args.lookback),
        *([scoring.remark] if scoring.remark else []),
        report.sentence,
        report.twin_sentence,
        *([] if place is None else [place.line]),
        tables.scored_period(report),
        "",
        tables.skill_table(report).to_string(index=False, na_rep=""),
        "",
        touches.sentence,
        "",
        tables.touch_table(touches).to_string(index=False),
    ]
    return "\n".join(lines)
