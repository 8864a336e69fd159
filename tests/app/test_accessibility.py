"""Every page under axe, dark and light, on a desktop and on a phone: no serious or critical violation of ours."""

from __future__ import annotations

import pytest

from tests.served import needs_browser

pytestmark = needs_browser

PAGES = ("", "top_zones", "liquidation_map", "side_by_side", "watchlist", "reality_check", "background")

GRAVE = ("serious", "critical")

OURS_NOT = {
    # the drop zone of st.file_uploader is a section with role presentation and a tabindex
    "presentation-role-conflict",
    # the canvas grid of st.dataframe leaves the header of its index empty
    "empty-table-header",
}
"""Rules that Streamlit's own elements break whatever a page does; minor, both."""


@pytest.mark.parametrize(
    ("scheme", "width", "pages"), [("dark", 1500, PAGES), ("light", 390, ("", "top_zones", "background"))]
)
def test_every_page_passes_the_accessibility_rules(app, chromium, scheme, width, pages):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.add_init_script(
        f"localStorage.setItem('stActiveTheme-' + location.pathname + '-v2', '\"{scheme.title()}\"')"
    )
    page.set_default_timeout(20_000)
    for name in pages:
        source = "simulated" if name in ("watchlist", "reality_check") else "file"
        page.goto(f"{app}/{name}?source={source}&timeframe=1d")
        page.get_by_text("education and entertainment").last.wait_for()
        page.wait_for_timeout(1500)
        violations = axe.run(page).response
        assert len(violations["passes"]) > 25  # something was there to look at
        broken = {rule["id"]: rule["impact"] for rule in violations["violations"] if rule["id"] not in OURS_NOT}
        assert not [rule for rule, impact in broken.items() if impact in GRAVE], (name, broken)
        # as a share of all rules that apply here, each alike
        assert len(violations["passes"]) / (len(violations["passes"]) + len(broken)) >= 0.95, (name, broken)
    context.close()


def test_the_keyboard_reaches_every_control_and_the_chart_has_a_name(app, page):
    page.goto(f"{app}/?source=file&timeframe=1d")
    page.get_by_role("button", name="Play").wait_for()
    page.locator('[data-testid="stVegaLiteChart"][aria-label*="liquidation heatmap of BTC"]').wait_for()
    reached = set()
    page.mouse.click(3, 3)
    for _ in range(70):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "() => { const at = document.activeElement; return at.getAttribute('aria-label')"
                " || at.closest('label')?.innerText || at.innerText || at.getAttribute('role') }"
            )
        )
    said = " | ".join(filter(None, reached))
    for control in (
        *("Ticker", "Source", "7d", "Liquidity threshold", "More heat", "Klines", "All prices", "11-25x", "Prior"),
        *("Live", "As of", "Play", "Heat CSV", "Zones JSON", "Top zones"),
    ):
        assert control in said, f"{control} is not reached; reached are: {said}"
    assert page.complaints == []
