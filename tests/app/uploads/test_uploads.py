"""Files uploaded to a page: what is asked about them, what is said, and that nothing is read twice."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from liq.app.widgets import AS_FOUND
from liq.sources.file_worker import process, readers
from tests.app.test_pages import start


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch):
    monkeypatch.delenv("LIQ_FILE", raising=False)
    yield
    process.give_back()


def candles(format: str, days: int = 1) -> bytes:
    """Return five-minute bars from the fifth of June 2026 on, dates in a format."""
    times = pd.date_range("2026-06-05", periods=288 * days, freq="5min")
    rows = [f"{time.strftime(format)},50000,50100,49900,{50000 + row % 90},12.5" for row, time in enumerate(times)]
    return "\n".join(["date,open,high,low,close,volume", *rows]).encode()


def upload(app, content: bytes, name: str = "btcusdt.csv"):
    return app.sidebar.get("file_uploader")[0].upload(name, content, "text/csv").run()


def said(app) -> str:
    return " ".join(caption.value for caption in app.caption).replace("\\", "")


def test_dates_that_can_be_read_two_ways_are_asked_about():
    app = upload(start(source="file", timeframe="12h"), candles("%d/%m/%Y %H:%M"))
    assert not app.exception
    assert not app.error
    assert "can be read day first" in app.info[0].value
    labels = [button.label for button in app.button if button.label.startswith(("Day first", "Month first"))]
    assert labels == [
        "Day first: 2026-06-05 00:00 to 2026-06-05 23:55",
        "Month first: 2026-05-06 00:00 to 2026-05-06 23:55",
    ]
    next(button for button in app.button if button.label == labels[0]).click().run()
    assert not app.info
    assert "2026-06-05 00:00 to 2026-06-05 23:55 UTC" in said(app)
    assert app.query_params["dates"] in ("day-first", ["day-first"])
    app.sidebar.selectbox(key="dates").set_value("month-first").run()
    assert "2026-05-06 00:00 to 2026-05-06 23:55 UTC" in said(app)
    app.sidebar.selectbox(key="dates").set_value(AS_FOUND).run()
    assert "can be read day first" in app.info[0].value


def test_a_link_carries_how_dates_are_read():
    app = upload(start(source="file", timeframe="12h", dates="month-first"), candles("%d/%m/%Y %H:%M"))
    assert not app.info
    assert "2026-05-06 00:00" in said(app)
    app = start(source="simulated", dates="nonsense")
    assert not app.exception
    assert app.session_state.dates == AS_FOUND


def test_dates_that_say_their_order_are_not_asked_about():
    app = upload(start(source="file", timeframe="1d"), candles("%d.%m.%Y %H:%M", days=20))
    assert not app.info
    assert "dates written day first" in said(app)
    assert "dates" not in [box.key for box in app.sidebar.selectbox]


def test_a_refused_file_is_not_read_again_in_every_run(monkeypatch):
    reads = []
    read = readers.read_market

    def counted(*arguments, **options):
        reads.append(options)
        return read(*arguments, **options)

    monkeypatch.setattr(readers, "read_market", counted)
    app = upload(start(source="file", timeframe="12h"), b"a,b\n1,2\n", "wrong.csv")
    assert "none of the known layouts" in app.error[0].value
    for heat in (30, 40):
        app.sidebar.slider(key="heat").set_value(heat).run()
        assert "none of the known layouts" in app.error[0].value
    assert len(reads) == 1
    upload(app, candles("%Y-%m-%d %H:%M"))
    assert not app.error
    assert len(reads) == 2


def test_one_long_cell_is_one_sentence_and_the_page_goes_on():
    lines = candles("%Y-%m-%d %H:%M").split(b"\n")
    lines[100] = b"x 1" * 1_000_000 + b"," + lines[100].split(b",", 1)[1]
    app = upload(start(source="file", timeframe="12h"), b"\n".join(lines))
    assert not app.exception
    assert len(app.error) == 1
    assert len(app.error[0].value) < 400
    assert re.search(r"in line 101\b", app.error[0].value)
    app.sidebar.selectbox(key="source").set_value("simulated").run()
    assert not app.error
    assert app.get("vega_lite_chart")
