"""What the heatmap page costs in a browser, medians of several runs: `python -m benchmarks.page`.

Every run starts a server of its own on the simulated market. The reference is the same page without heat:
the threshold at its end and no klines leaves the chart almost nothing to draw.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.served import CHROMIUM, FLAGS, served_process

RUNS = 3
CANVAS = '[data-testid="stVegaLiteChart"] canvas'
VIEWS = {"as it opens": "source=simulated", "without heat": "source=simulated&threshold=99&klines=false"}


def resident(process: int) -> float:
    """Return the resident memory of a process in MB; Linux only."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS"))


def visit(page: Page, address: str, query: str) -> dict[str, float]:
    """Open the page once and measure: seconds, milliseconds, kilobytes."""
    received: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(len(frame))))
    began = time.perf_counter()
    page.goto(f"{address}/?{query}")
    page.wait_for_selector(CANVAS)
    picture = f"document.querySelector('{CANVAS}')?.toDataURL().length"
    figures = {"drawn, s": time.perf_counter() - began}
    page.wait_for_timeout(1500)
    figures["first view, KB"] = sum(received) / 1000
    redrawn = []
    slider = page.get_by_role("slider").nth(1)
    slider.focus()
    for _ in range(4):
        before: Any = page.evaluate(picture)
        received.clear()
        began = time.perf_counter()
        slider.press("ArrowRight")
        page.wait_for_function(f"{picture} !== {before}", polling=15)
        redrawn.append((time.perf_counter() - began) * 1000)
        page.wait_for_timeout(700)
    figures["slider to redrawn, ms"] = median(redrawn)
    figures["rerun, KB"] = sum(received) / 1000
    box = page.query_selector(CANVAS).bounding_box()  # type: ignore[union-attr]
    page.mouse.move(box["x"] + 500, box["y"] + 300)  # type: ignore[index]
    page.mouse.down()
    began = time.perf_counter()
    for step in range(30):
        page.mouse.move(box["x"] + 500 - 4 * step, box["y"] + 300)  # type: ignore[index]
    page.evaluate("() => new Promise(requestAnimationFrame)")
    figures["pan, ms a move"] = (time.perf_counter() - began) * 1000 / 30
    page.mouse.up()
    return figures


def main() -> None:
    """Print the medians, view by view."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name, query in VIEWS.items():
            runs = []
            for _ in range(RUNS):
                began = time.perf_counter()
                with served_process() as (address, process):
                    ready = time.perf_counter() - began
                    page = browser.new_page(viewport={"width": 1500, "height": 900})
                    figures = visit(page, address, query)
                    page.close()
                    memory = resident(process)
                runs.append({"server up, s": ready, **figures, "resident, MB": memory})
            print(f"{name}, {RUNS} runs")
            for figure in runs[0]:
                print(f"  {figure:<24}{median(run[figure] for run in runs):8.2f}")
        browser.close()


if __name__ == "__main__":
    main()
