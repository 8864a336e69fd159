"""What commands write: the page's figures, in every format, with the documented fields."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from PIL import Image

import liq
from liq.__main__ import main
from liq.charts.heatmap import data as heatmap_data
from liq.charts.heatmap import png
from liq.charts.heatmap.window import window
from liq.export import pine
from liq.export.schema import to_json
from tests.commands.process import SIMULATED
from tests.served import ROOT

pytestmark = pytest.mark.usefixtures("no_network")

OPEN = {"left_out.", "units.", "figures.intervals.", "data.", "scores."}
"""Fields whose own fields are names of other things."""


def test_zones_are_those_of_the_page_in_every_format(capsys):
    assert main(["zones", "ETH", *SIMULATED, "--format", "json"]) == 0
    output = capsys.readouterr()
    answer = json.loads(output.out)
    market = liq.fetch("ETH", "7d", "simulated")
    zones = liq.top_zones(liq.estimate(market), price=market.price)
    assert answer["schema"] == "liq.zones/1"
    assert answer["simulated"] is True
    assert "simulated market" in output.err
    assert answer["as_of"] == "2026-11-20T10:07:30Z"
    assert [row["side"] for row in answer["zones"]] == list(zones["side"])
    np.testing.assert_allclose([row["usd"] for row in answer["zones"]], zones["usd"], atol=0.5)
    np.testing.assert_allclose([row["low"] for row in answer["zones"]], zones["low"], rtol=1e-7)

    assert main(["zones", "ETH", *SIMULATED, "--format", "csv"]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert set(table["source"]) == {"simulated"}
    np.testing.assert_allclose(table["distance"], zones["distance"], atol=1e-6)

    assert main(["zones", "ETH", *SIMULATED]) == 0
    text = capsys.readouterr().out
    assert "simulated market" in text.splitlines()[0]
    assert text.count("\n") >= len(zones) + 8
    assert "not a guarantee" in text


def test_the_pine_script_has_v6_structure_and_only_our_numbers(capsys, monkeypatch):
    assert main(["zones", *SIMULATED, "--format", "pine"]) == 0
    script = capsys.readouterr().out
    lines = script.splitlines()
    assert lines[0] == "//@version=6"
    assert any("SIMULATED" in line for line in lines if line.startswith("//"))
    assert any("UTC" in line and line.startswith("//") for line in lines)
    code = [line for line in lines if line and not line.startswith("//")]
    assert re.fullmatch(
        r'indicator\("[^"\\]+", overlay = true, max_boxes_count = \d+, max_labels_count = \d+\)', code[0]
    )
    assert script.count("(") == script.count(")")
    assert all(line.count('"') % 2 == 0 for line in code)
    assert "barstate.islast" in script
    assert "xloc.bar_time" in script
    market = liq.fetch("BTC", "7d", "simulated")
    zones = liq.top_zones(liq.estimate(market))
    calls = re.findall(r'^    zone\(([\d.]+), ([\d.]+), (\d{13}), "([^"\\]+)", #[0-9a-f]{6}\)$', script, re.M)
    assert len(calls) == len(zones)
    np.testing.assert_allclose([float(call[0]) for call in calls], zones["low"], rtol=1e-7)
    np.testing.assert_allclose([float(call[1]) for call in calls], zones["high"], rtol=1e-7)
    assert [int(call[2]) for call in calls] == [int(at.timestamp()) * 1000 for at in zones["opened"]]


def test_a_name_from_elsewhere_cannot_write_pine():
    market = liq.fetch("BTC", "7d", "simulated")
    named = 'A"\n) evil()\n//\\/USDT:USDT'
    odd = liq.Market(named, 'x"\nalert("y")', market.candles, start=market.start)
    heatmap = liq.estimate(odd)
    script = pine.indicator(heatmap, liq.top_zones(heatmap))
    assert "evil()" not in script
    assert 'alert("' not in script
    assert sum(line.startswith("indicator(") for line in script.splitlines()) == 1


def test_the_map_is_the_drawn_one_in_every_format(capsys, tmp_path):
    places = {form: tmp_path / f"map.{form}" for form in ("csv", "json", "parquet")}
    for place in places.values():
        assert main(["heatmap", *SIMULATED, "--columns", "40", "--output", str(place)]) == 0
    table = pd.read_csv(places["csv"], parse_dates=["time"])
    matrix = json.loads(places["json"].read_text(encoding="utf-8"))
    packed = pyarrow.parquet.read_table(places["parquet"])
    assert len(matrix["times"]) == len(matrix["long"]) == 40  # 17 of 672 bars to a column
    assert matrix["column_seconds"] == 17 * 900
    assert len(matrix["edges"]) == len(matrix["long"][0]) + 1
    assert table["long"].sum() == np.sum(matrix["long"]) == packed.to_pandas()["long"].sum()
    about = json.loads(packed.schema.metadata[b"liq"])
    assert about["schema"] == matrix["schema"] == "liq.heatmap/1"
    assert about["simulated"] is True
    everything = liq.estimate(liq.fetch("BTC", "7d", "simulated"))
    ends = pd.to_datetime(matrix["times"]) + pd.Timedelta(seconds=17 * 900)
    assert ends[-1] == everything.times[-1] + pd.Timedelta(minutes=15)
    assert 0 < np.sum(matrix["short"][-1]) <= everything.short[-1].sum() + len(matrix["edges"])


def test_the_picture_is_drawn_of_what_the_page_draws(capsysbinary, monkeypatch):
    read_lines = []
    real = png.chart_png

    def spied(spec, datasets, *size):
        read_lines.append(datasets)
        return real(spec, datasets, *size)

    monkeypatch.setattr(png, "chart_png", spied)
    assert main(["heatmap", *SIMULATED, "--format", "png", "--threshold", "30"]) == 0
    picture = Image.open(io.BytesIO(capsysbinary.readouterr().out))
    assert picture.format == "PNG"
    colours = picture.convert("RGB").getcolors(1 << 24)
    assert len(colours) > 50, "drawn, and not left empty"
    heatmap = liq.estimate(liq.fetch("BTC", "7d", "simulated"))
    drawn = window(heatmap)
    page = heatmap_data.datasets(heatmap, drawn, threshold=30, more_heat=20)
    assert read_lines[0]["picture"]["url"].iloc[0] == page["picture"]["url"].iloc[0]
    assert read_lines[0]["frame"]["watermark"].iloc[0] == "Simulated"
    pd.testing.assert_frame_equal(read_lines[0]["profile"], page["profile"])
    pd.testing.assert_frame_equal(read_lines[0]["candles"], page["candles"])


def test_leaving_leverage_out_takes_its_dollars_out(capsys):
    def total(*words):
        assert main(["zones", *SIMULATED, "--format", "json", *words]) == 0
        answer = json.loads(capsys.readouterr().out)
        return sum(row["usd"] for row in answer["zones"]), answer

    every, _ = total()
    few, answer = total("--leverage", "51-100x,101x+")
    assert 0 < few < every
    assert {tier for tier, weight in zip(answer["tiers"], answer["weights"], strict=True) if weight} == {
        tier for tier in answer["tiers"] if tier > 50
    }


def test_skill_and_calibrate_say_what_the_reality_check_says(capsys, tmp_path):
    assert main(["skill", *SIMULATED, "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    market = liq.fetch("BTC", "7d", "simulated")
    report = liq.skill(liq.estimate(market), market.liquidations)
    assert answer["schema"] == "liq.skill/1"
    assert answer["figures"]["spearman"] == pytest.approx(report.spearman)
    assert answer["figures"]["intervals"]["gain"] == pytest.approx(list(report.intervals["gain"]))
    assert answer["sentence"] == report.sentence
    assert answer["touches"]["reached"][-1]["zones"] is None, "too few cases are null, not NaN"

    assert main(["skill", *SIMULATED, "--format", "csv"]) == 0
    rows = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert len(rows) == 2 * report.bars
    assert rows["estimated"].sum() / rows["realised"].sum() == pytest.approx(report.ratio, rel=1e-6)
    assert main(["skill", *SIMULATED]) == 0
    assert "This map" in capsys.readouterr().out

    place = tmp_path / "mine.json"
    assert main(["calibrate", *SIMULATED, "--output", str(place)]) == 0
    output = capsys.readouterr()
    assert output.out == ""
    assert "estimated over realised" in output.err
    assert json.loads(place.read_text(encoding="utf-8"))["schema"] == "liq.prior/2"
    fitted = liq.Prior.from_json(place.read_text(encoding="utf-8"))
    assert main(["zones", *SIMULATED, "--prior", str(place), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["weights"] == pytest.approx(list(fitted.weights))


def test_a_recording_and_liquidations_of_ones_own_are_read(capsys, recording, tmp_path):
    assert main(["zones", "--file", str(recording), "--format", "json"]) == 0
    output = capsys.readouterr()
    answer = json.loads(output.out)
    assert (answer["symbol"], answer["source"], answer["simulated"]) == ("BTC/USDT:USDT", "file", False)
    assert "simulated" not in output.err
    frame = pd.read_csv(recording)
    hours = frame.groupby(frame["open_time_ms"] // 3_600_000 * 3_600_000)
    reach = (hours["high"].max() / hours["low"].min() - 1).to_numpy()
    mine = pd.DataFrame({"open_time_ms": list(hours.groups), "long": 1e9 * reach**2, "short": 5e8 * reach**2})
    mine.to_csv(tmp_path / "mine.csv", index=False)
    words = ["--file", str(recording), "--liquidations", str(tmp_path / "mine.csv")]
    assert main(["skill", *words, "--format", "json"]) == 0
    assert "uploaded liquidations" in json.loads(capsys.readouterr().out)["remark"]
    assert main(["skill", "--file", str(recording)]) == 2
    assert "no realised liquidations" in capsys.readouterr().err


def fields(value: object, path: str = "") -> set[str]:
    """Return the names of a JSON value's fields as paths; a list's are its members', open ones' are left out."""
    if isinstance(value, list):
        return set().union(*(fields(inner, path) for inner in value))
    if not isinstance(value, dict) or path in OPEN:
        return {path.removesuffix(".")} - {""}
    inner = (fields(one, f"{path}{name}.") for name, one in value.items())
    return set().union(*inner) | ({path.removesuffix(".")} - {""})


@pytest.mark.parametrize(
    ("words", "schema"),
    [
        (["zones", *SIMULATED, "--format", "json"], "liq.zones/1"),
        (["heatmap", *SIMULATED, "--format", "json"], "liq.heatmap/1"),
        (["skill", *SIMULATED, "--format", "json"], "liq.skill/1"),
        (["calibrate", *SIMULATED], "liq.prior/2"),
        (["watch", *SIMULATED, "--once", "--usd", "1e5", "--within", "5"], "liq.event/1"),
    ],
)
def test_the_documented_fields_are_those_that_come(capsys, words, schema):
    assert main(words) == 0
    answer = json.loads(capsys.readouterr().out.splitlines()[0] if words[0] == "watch" else capsys.readouterr().out)
    sections = dict(
        re.findall(
            r"^### (.+?)\n(.*?)(?=^##|\Z)", (ROOT / "docs" / "commands.md").read_text(encoding="utf-8"), re.M | re.S
        )
    )
    output = sections[schema] + ("" if schema in ("liq.prior/2", "liq.event/1") else sections["Common fields"])
    rows = re.findall(r"^\| (`.+?`) \|", output, re.M)
    documented = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    came = {re.sub(r"^touches\.(reached|through)\.", "touches.*.", name) for name in fields(answer)}
    came -= {"figures", "touches"}
    assert answer["schema"] == schema
    assert came == documented


def test_json_never_holds_what_is_not_json():
    odd = {"a": float("nan"), "b": [np.float64("inf"), pd.NaT, None], "c": pd.Timestamp("2026-01-01"), "d": np.True_}
    assert json.loads(to_json(odd)) == {"a": None, "b": [None, None, None], "c": "2026-01-01T00:00:00Z", "d": True}
    assert json.loads(to_json([np.array([[1, 2]]), np.array([1.5, np.nan])])) == [[[1, 2]], [1.5, None]]
