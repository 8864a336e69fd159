"""Tardis's first days of months: which days a window holds, what they say, and a score by time and by place."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import liq
from liq.__main__ import main
from liq.sources.archive import liquidations
from tests.venue_server import VenueServer, formula
from tests.venue_server.venues import archive_files

DAY = pd.Timestamp("2024-02-01", tz="UTC")


def window(as_of: str = "2024-02-02", source: str = "archive") -> liq.Market:
    """Return three days of bars, which are not those of the coin: only their times count."""
    times = pd.date_range(end=pd.Timestamp(as_of, tz="UTC"), periods=865, freq="5min")[:-1]
    bars = pd.DataFrame(dict(open=1.0, high=1.0, low=1.0, close=1.0, volume=1.0), index=times)
    return liq.Market("WIF/USDT:USDT", source, bars)


def test_the_first_day_of_a_month_comes_with_prices_and_whole(archive: VenueServer):
    events, days = liquidations.first_days(window())
    assert days == [DAY]
    starts = DAY.value // 1_000_000 + 60_000 * np.arange(1440)
    long, short = formula.liquidated(archive_files.VENUE, "WIF", starts, starts + 60_000)
    by_minute = liquidations.by_minute(events, days)
    assert len(by_minute) == 1440
    leaps = [times for times, *_ in archive_files.spikes("WIF", int(starts[0]), int(starts[-1]) + 60_000)]
    quiet = ~np.isin(starts, np.concatenate(leaps))
    assert np.allclose(by_minute["long"][quiet], long[quiet])
    assert np.allclose(by_minute["short"][quiet], short[quiet])


@pytest.mark.parametrize("mode", ["twice", None])
def test_rows_given_twice_count_once(archive: VenueServer, mode: str | None):
    whole = liquidations.first_days(window())[0]["usd"].sum()
    liquidations.storage._opened(liquidations.storage.folder()).clear()
    if mode:
        archive.fail("tardis", mode)
    assert liquidations.first_days(window())[0]["usd"].sum() == pytest.approx(whole)


def test_a_day_is_asked_for_once(archive: VenueServer):
    first, _ = liquidations.first_days(window())
    assert archive.calls["tardis"] == 1
    again, _ = liquidations.first_days(window())
    assert archive.calls["tardis"] == 1
    assert again.equals(first)


@pytest.mark.parametrize(
    ("market", "mode", "error", "sentence"),
    [
        (
            window("2024-02-20"),
            None,
            liq.InputError,
            "Tardis gives the first day of each month, and this window holds",
        ),
        (
            window("2024-02-01 12:00"),
            None,
            liq.InputError,
            "Tardis gives the first day of each month, and this window",
        ),
        (window(source="gate"), None, liq.InputError, "--liquidations tardis is for archive, binanceusdm, bybit; "),
        (
            window(),
            "404",
            liq.SourceError,
            "Tardis has no liquidations of WIFUSDT on binance-futures on ",
        ),
        (window(), "503", liq.SourceError, r"Tardis is out of order \(HTTP 503\); try again later."),
        (window(), "xml-error", liq.SourceError, "Tardis answered with a web page instead of data; try again later."),
        (window(), "damaged", liq.SourceError, "Tardis sent a file that cannot be used "),
        (window(), "nonsense", liq.SourceError, "Tardis sent a file that cannot be used "),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_had_is_one_sentence(archive: VenueServer, market, mode, error, sentence: str):
    if mode:
        archive.fail("tardis", mode)
    with pytest.raises(error, match=f"^{sentence}"):
        liquidations.first_days(market)


def test_a_day_is_scored_by_time_and_by_place(archive: VenueServer, capsys: pytest.CaptureFixture[str]):
    command = ["skill", "BTC", "--source", "archive", "--liquidations", "tardis", "--as-of", "2026-02-02"]
    assert main([*command, "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["remark"] == "Scored against Tardis's liquidations of 2026-02-01, those of the venue shown."
    assert said["figures"]["bars"] == 144
    assert said["figures"]["since"].startswith("2026-02-01")
    assert said["place"]["usd"] > 0
    assert np.isfinite(said["figures"]["path_gain"])
    assert main(command) == 0
    assert "bits a dollar against an even spread" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["zones", "heatmap", "skill", "calibrate"])
def test_every_command_takes_a_day_of_the_archive(archive: VenueServer, command: str, tmp_path, capsys):
    options = {"heatmap": ["--format", "csv"], "skill": ["--liquidations", "tardis"]}
    options["calibrate"] = options["skill"]
    options["zones"] = []
    asked = ["BTC", "--source", "archive", "--as-of", "2026-02-02", "--lookback", "3d", *options[command]]
    assert main([command, *asked, "--output", str(tmp_path / "written")]) == 0
    assert (tmp_path / "written").stat().st_size > 100
    assert "From Binance's archive, BTCUSDT up to 2026-02-02 00:00 UTC" in capsys.readouterr().err


def test_a_scan_takes_a_day_of_the_archive(archive: VenueServer, capsys: pytest.CaptureFixture[str]):
    asked = ["--tickers", "PEPE,1000PEPE", "--source", "archive", "--as-of", "2023-05-09", "--lookback", "3d"]
    assert main(["scan", *asked, "--executor", "threads", "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["as_of"] == "2023-05-09"
    assert {row["as_of"][:10] for row in said["rows"]} == {"2023-05-09"}


@pytest.mark.parametrize("asked", [["zones", "--source", "simulated"], ["scan", "--source", "simulated"]], ids=str)
def test_a_moment_is_refused_where_the_source_is_not_the_archive(asked, capsys: pytest.CaptureFixture[str]):
    assert main([*asked, "--as-of", "2025-01-01"]) != 0
    assert "is for" in capsys.readouterr().err


def test_nothing_is_watched_in_the_archive(capsys: pytest.CaptureFixture[str]):
    assert main(["watch", "--source", "archive", "--once"]) != 0
    assert "there is nothing to watch" in capsys.readouterr().err
