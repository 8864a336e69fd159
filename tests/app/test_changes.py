"""What changed since the user looked: every change of the bars that closed meanwhile, until it was seen."""

from __future__ import annotations

from collections import Counter

from streamlit.testing.v1 import AppTest

import liq
from liq.app.parts.changes import MAX_BARS
from liq.model.as_of import heatmap_up_to
from liq.sources.simulation.market import simulate
from liq.zones.events import detect, finished_bars

WHOLE = liq.estimate(simulate("BTC", "3d", now="2026-11-21 00:00"))


def page() -> None:
    """Draw the part alone, on a simulated market as of a moment that the test sets."""
    import streamlit as st

    import liq
    from liq.app.parts.changes import changes_since_looked
    from liq.app.view import View
    from liq.model.as_of import heatmap_up_to
    from liq.sources.simulation.market import simulate

    whole = liq.estimate(simulate("BTC", "3d", now="2026-11-21 00:00"))
    heatmap = heatmap_up_to(whole, st.session_state.row)
    view = View("BTC", "simulated", "3d", 0, 20, True, True, (), st.session_state.prior, False, True)
    changes_since_looked(view, heatmap)


def run(app: AppTest, row: int, prior: str = "calibrated") -> list[str]:
    app.session_state.row, app.session_state.prior = row, prior
    app.run()
    assert not app.exception
    return [caption.value for caption in app.caption]


def test_changes_are_told_until_they_are_seen():
    first, later = 150, 180
    app = AppTest.from_function(page, default_timeout=30)
    assert run(app, first) == []
    begun = finished_bars(heatmap_up_to(WHOLE, first))[-1]
    _, state = detect({}, "BTC", begun[1], begun[0])
    expected = Counter()
    for bar, zones in finished_bars(heatmap_up_to(WHOLE, later), begun[0].end):
        events, state = detect(state, "BTC", zones, bar)
        expected.update(event.kind for event in events)
    assert sum(expected.values()) > 0
    (said,) = run(app, later)
    assert said.startswith(f"Since {begun[0].end:%d %b %H:%M} UTC: ")
    told = Counter()
    for part in said.split(": ", 1)[1].strip(".").split(", "):
        number, kind = part.replace(" zones", "").replace(" zone", "").split()[:2]
        told[kind] += int(number)
    assert told == expected
    assert run(app, later) == [said]  # another control tells the same
    app.button(key="changes_seen").click()
    assert run(app, later) == []


def test_another_view_begins_anew():
    app = AppTest.from_function(page, default_timeout=30)
    run(app, 150)
    assert run(app, 180)
    assert run(app, 180, prior="retail") == []


def test_after_a_long_absence_the_count_begins_anew():
    app = AppTest.from_function(page, default_timeout=30)
    run(app, 150)
    assert run(app, 150 + MAX_BARS + 1) == []
    assert app.session_state.changes["end"] == finished_bars(heatmap_up_to(WHOLE, 150 + MAX_BARS + 1))[-1][0].end
