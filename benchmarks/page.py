"""What the heatmap page costs in a browser, as a ratio to the floor: `python -m benchmarks.page`.

The floor is the smallest Streamlit page with one Vega chart and a slider, served beside ours in the same run. Medians
of RUNS: cold server to canvas, warm server to canvas, slider to redrawn chart, of the estimate and of real positions
(`liq.observe`); for ours also another timeframe, the first step of Play, the pointer and panning.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.linux import require_linux
from liq.market import LOOKBACKS
from tests.served import CHROMIUM, FLAGS, served_process

RUNS = 5
QUERY = "?source=simulated&live=false"
CANVAS = '[data-testid="stVegaLiteChart"] canvas'
PICTURE = f"""(() => {{
  const shown = document.querySelector('{CANVAS}'), small = document.createElement('canvas');
  [small.width, small.height] = [140, 80];
  if (shown) small.getContext('2d').drawImage(shown, 0, 0, 140, 80);
  return small.toDataURL();
}})()"""
"""What is drawn, made small first: encoding all of a large canvas takes the page longer than drawing it."""
FLOOR = """
import pandas as pd
import streamlit as st

value = st.slider("value", 0, 100, 20)
rows = pd.DataFrame({"x": [0, 1, 2], "y": [1, value, 3]})
st.vega_lite_chart(
    rows,
    {
        "mark": "bar",
        "height": 570,
        "usermeta": {"embedOptions": {"renderer": "canvas"}},
        "encoding": {"x": {"field": "x"}, "y": {"field": "y", "type": "quantitative"}},
    },
)
"""
"""The smallest page that is comparable: one chart, one control."""


def resident(process: int) -> float:
    """Return the resident memory of a process in MB; Linux only."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS"))


def opened(browser: Browser, address: str) -> tuple[Page, float]:
    """Open a page and return it with the seconds to its canvas."""
    page = browser.new_page(viewport={"width": 1500, "height": 900}, color_scheme="dark")
    page.set_default_timeout(60_000)
    began = time.perf_counter()
    page.goto(address)
    page.wait_for_selector(CANVAS)
    return page, time.perf_counter() - began


def redrawn(page: Page, slider: int) -> float:
    """Return the milliseconds from a key on a slider to the redrawn chart, median of four."""
    times, handle = [], page.get_by_role("slider").nth(slider)
    handle.focus()
    for _ in range(4):
        before: Any = page.evaluate(PICTURE)
        began = time.perf_counter()
        handle.press("ArrowRight")
        page.wait_for_function(f"{PICTURE} !== {before!r}", polling=15)
        times.append((time.perf_counter() - began) * 1000)
        page.wait_for_timeout(700)
    return median(times)


def changed(page: Page, act: Any) -> float:
    """Return the milliseconds from an action to another picture."""
    before: Any = page.evaluate(PICTURE)
    began = time.perf_counter()
    act()
    page.wait_for_function(f"{PICTURE} !== {before!r}", polling=15)
    return (time.perf_counter() - began) * 1000


def moved(page: Page, button: bool) -> float:
    """Return the milliseconds of one move of the pointer over the chart, with the button held it pans."""
    box: Any = page.query_selector(CANVAS).bounding_box()  # type: ignore[union-attr]
    page.mouse.move(box["x"] + 500, box["y"] + 300)
    if button:
        page.mouse.down()
    began = time.perf_counter()
    for step in range(30):
        page.mouse.move(box["x"] + 500 - 4 * step, box["y"] + 300)
    page.evaluate("() => new Promise(requestAnimationFrame)")
    page.mouse.up()
    return (time.perf_counter() - began) * 1000 / 30


def both(browser: Browser, query: str, slider: int, script: str | None) -> dict[str, float]:
    """Return what one page costs: cold, warm, and a move of a slider."""
    environment = {} if script is None else {"LIQ_SCRIPT": script}
    with served_process(**environment) as (address, _):
        page, cold = opened(browser, f"{address}/{query}")
        page.wait_for_timeout(1500)
        page.close()
        page, warm = opened(browser, f"{address}/{query}")
        page.wait_for_timeout(1500)
        figures = {"cold, s": cold, "warm, s": warm, "slider, ms": redrawn(page, slider)}
        page.close()
    return figures


def ours(browser: Browser) -> dict[str, float]:
    """Return what only our page has."""
    with served_process() as (address, process):
        page, _ = opened(browser, f"{address}/{QUERY}")
        page.wait_for_timeout(1500)
        received: list[int] = []
        page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(len(frame))))
        switches = []
        for name in [*LOOKBACKS, *LOOKBACKS][1:]:
            label = page.get_by_test_id("stSidebar").get_by_role("radio", name=name, exact=True)
            switches.append(changed(page, label.click))
            page.wait_for_timeout(900)
        figures = {
            "timeframe, ms, first time": median(switches[: len(LOOKBACKS) - 1]),
            "timeframe, ms, again": median(switches[len(LOOKBACKS) - 1 :]),
            "pointer, ms a move": moved(page, False),
            "pan, ms a move": moved(page, True),
        }
        play = page.get_by_role("button", name="Play")
        figures["Play to its first picture, ms"] = changed(page, play.click)
        figures["resident, MB"] = resident(process)
        page.close()
    return figures


def main() -> None:
    """Print the medians, ours beside the floor."""
    require_linux()
    with sync_playwright() as play, tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "floor.py"
        script.write_text(FLOOR, encoding="utf-8")
        browser: Any = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        queries = [("", 0, str(script)), (f"{QUERY}&map=estimate", 1, None), (f"{QUERY}&map=real+positions", 1, None)]
        runs = [[both(browser, *query) for query in queries] for _ in range(RUNS)]
        for figure in runs[0][0]:
            floor, page, real = (median(run[which][figure] for run in runs) for which in range(3))
            print(
                f"{figure:<12} floor {floor:8.2f}  ours {page:8.2f}  ratio {page / floor:.2f}  real positions "
                f"{real:8.2f}  ratio to ours {real / page:.2f}",
                flush=True,
            )
        for figure, value in ours(browser).items():
            print(f"{figure:<32}{value:8.1f}", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
