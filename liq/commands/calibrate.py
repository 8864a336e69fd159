"""`calibrate`: fit a prior to the realised liquidations of one market, as the Reality check page does."""

from __future__ import annotations

import argparse

from liq.commands import options, output, skill
from liq.sources.file_worker.readers import read_positions
from liq.validation import reality_check
from liq.validation.calibration import calibrate

EXAMPLES = """examples:
  python -m liq calibrate BTC --source gate --lookback 3M --output mine.json
  python -m liq zones BTC --source gate --prior mine.json
  python -m liq calibrate BTC --source hyperliquid --positions seen --output mine.json
  python -m liq calibrate --file btcusdt_5m.csv --liquidations mine.csv > mine.json

Fitted on the earlier half of the bars and scored, on stderr, on the later half, which the fit never saw. Where fits
within the earlier half did not beat the prior they started from on later days, that prior is written. The JSON's
schema is liq.prior/2 (docs/commands.md). --prior is what it is drawn towards.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    options.market_arguments(parser)
    options.prior_argument(parser)
    skill.liquidations_argument(parser)
    output.arguments(parser, ("json",))
    parser.add_argument("--raw", action="store_true", help="write the fit also where later days do not bear it out")
    parser.add_argument(
        "--positions", metavar="PATH", help="fit to real positions instead: a folder, a file, or https://…"
    )
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> int:
    """Fit, report on stderr how the fit scores, and write the prior."""
    heatmap = options.load_estimate(args, options.load_market(args), columns=1)
    if args.positions:
        market = heatmap.market
        positions = read_positions(args.positions, market.base, args.dates, since=market.start)
        for note in positions.notes:
            options.message(note)
        prior = calibrate(market, None, heatmap.prior, positions=positions, raw=args.raw)
        options.message(prior.verdict)
        output.write_output(prior.to_json(), args)
        return 0
    fit = reality_check.fit_prior(skill.scoring_input(args, heatmap), heatmap.prior)
    for name, report in ((heatmap.prior.name, fit.shipped), ("fitted", fit.fitted)):
        options.message(
            f"{name}, on {report.bars:,} later bars: Spearman {report.spearman:.3f}, R² {report.r2:.3f}, "
            f"estimated over realised {report.ratio:.2f}, adds {report.gain:+.3f} R² to range and volume."
        )
    options.message(fit.prior.verdict)
    output.write_output((fit.raw if args.raw else fit.prior).to_json(), args)
    return 0
