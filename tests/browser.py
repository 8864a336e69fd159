"""A real browser on the app: its pages as fixtures, and what the chart writes where the pointer is."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd
import pytest

from tests.served import CHROMIUM, FLAGS, served, write_recording

CANVAS = '[data-testid="stVegaLiteChart"] canvas'
LISTEN = """
window.written = [];
const fill = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
  const m = this.getTransform();
  window.written.push([String(text), m.a * x + m.c * y + m.e, m.b * x + m.d * y + m.f]);
  return fill.apply(this, arguments);
};
"""
"""The chart's words are pixels; this keeps what is written into them, and where."""

SETTLED = """() => new Promise(done => setTimeout(() =>
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 30))), 30))"""
"""Wait until what the pointer did is drawn, however busy the machine is."""

STEADY = f"""() => {{
  const app = document.querySelector('[data-testid="stApp"]'), chart = document.querySelector('{CANVAS}');
  const main = document.querySelector('[data-testid="stMain"]');
  const state = app.dataset.testScriptState, drawn = chart && chart.toDataURL();
  const now = [state, main.scrollHeight, main.innerText.length, drawn].join();
  if (now !== window.before || state !== 'notRunning') {{
    window.before = now; window.since = performance.now();
  }}
  return performance.now() - window.since > 400;
}}"""
"""Whether what is drawn has stayed as it is for four tenths of a second."""

DOLLARS = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9}


@pytest.fixture(scope="session")
def file(tmp_path_factory):
    return write_recording(tmp_path_factory.mktemp("recording") / "btcusdt_5m.csv")


@pytest.fixture(scope="session")
def app(file) -> Iterator[str]:
    with served(LIQ_FILE=str(file)) as address:
        yield address


@pytest.fixture(scope="session")
def long_file(tmp_path_factory):
    return write_recording(tmp_path_factory.mktemp("recording") / "btcusdt_4h.csv", days=380, minutes=240)


@pytest.fixture(scope="session")
def long_app(long_file) -> Iterator[str]:
    with served(LIQ_FILE=str(long_file)) as address:
        yield address


@pytest.fixture(scope="module")
def chromium():
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def context(chromium):
    """Keep one cache of scripts for a module's pages: a page loads in three quarters of the time."""
    context = chromium.new_context(
        viewport={"width": 1500, "height": 900}, color_scheme="dark", timezone_id="America/New_York"
    )
    yield context
    context.close()


@pytest.fixture
def page(context):
    page = context.new_page()
    page.complaints, page.received = [], []
    page.add_init_script(LISTEN)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    # on a deep link Streamlit's own client first asks below the page's path, where nothing is
    page.on(
        "console",
        lambda said: (
            page.complaints.append(said.text)
            if said.type == "error" and "_stcore" not in said.location["url"]
            else None
        ),
    )
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: page.received.append(len(frame))))
    page.set_default_timeout(20_000)
    yield page
    page.evaluate("localStorage.clear()")  # what one test chose is not the next one's
    page.close()


def wait_until_settled(page) -> None:
    """Wait until no script runs and the page has had the same height and the same chart for a while."""
    page.wait_for_function(STEADY, polling=100)


def open_chart(page, address: str):
    page.goto(address)
    page.wait_for_selector(CANVAS)
    wait_until_settled(page)
    return page.query_selector(CANVAS).bounding_box()


def wait_until_redrawn(page, before: str) -> None:
    page.wait_for_function(
        f"(chart => chart && chart.toDataURL() !== {before!r})(document.querySelector('{CANVAS}'))"
    )


def pixels(page) -> str:
    return page.evaluate(f"document.querySelector('{CANVAS}').toDataURL()")


def read(page, x: float, y: float) -> dict | None:
    """Move the pointer there and return what the chart writes: time, price, dollars; None outside the heat."""
    page.evaluate("window.written = []")
    page.mouse.move(x, y)
    page.evaluate(SETTLED)
    words = [text for text, *_ in page.evaluate("window.written")]
    cell = [re.search(r"longs \$([\d.]+)([KMB]?)\s+shorts \$([\d.]+)([KMB]?)$", text) for text in words]
    price = [re.match(r"at ([\d,.]+) ", text) for text in words]
    time = [re.match(r"(\d\d \w{3} \d\d:\d\d) ", text) for text in words]
    cell, price, time = ([found for found in kind if found] for kind in (cell, price, time))
    if not cell or not price or not time:
        return None
    reach = [re.search(r"from the price then to here \$([\d.]+)([KMB]?)(?:\s|$)", text) for text in words]
    band = [re.match(r"mostly ([\d+x-]+)", text) for text in words]
    relief = [found[1] for text in words if (found := re.search(r"×([\d.]+) usual", text))]
    reach, band = ([found for found in kind if found] for kind in (reach, band))
    long, short = (float(cell[-1][i]) * DOLLARS[cell[-1][i + 1]] for i in (1, 3))
    return {
        "time": pd.Timestamp(f"2026 {time[-1][1]}"),
        "price": float(price[-1][1].replace(",", "")),
        "long": long,
        "short": short,
        "reach": float(reach[-1][1]) * DOLLARS[reach[-1][2]],
        "band": band[-1][1] if band else "",
        "relief": float(relief[-1]) if relief else None,
    }
