"""What parts of pages look like: options of figures, and what Streamlit has no setting for."""

from __future__ import annotations

from typing import Any

METRIC_STYLE: dict[str, Any] = {"delta_color": "off", "delta_arrow": "off", "width": 168}
"""Options of a `st.metric` whose second line is not a change, so it is not coloured like one."""

NARROW = 640
"""Width of a window in pixels up to which it counts as a phone's."""

STYLE = f"""<style>
.st-key-heatmap_panel {{ flex: none; height: max(480px, calc(100vh - 330px)); }}
.st-key-map_panel {{ flex: none; height: max(480px, calc(100vh - 400px)); }}
.st-key-left_panel, .st-key-right_panel {{ flex: none; height: max(480px, calc(100vh - 390px)); }}
.st-key-phone_controls, .st-key-phone_figures {{ display: none; }}
[data-testid="stMultiSelect"] [data-tag] {{
  background: color-mix(in srgb, currentColor 14%, transparent); color: inherit;
}}
@media (max-width: {NARROW}px) {{
  .st-key-figures {{ display: none; }}
  .st-key-phone_controls, .st-key-phone_figures {{ display: flex; }}
  .st-key-heatmap_panel {{ height: max(480px, calc(100vh - 250px)); }}
}}
</style>"""
"""What Streamlit has no setting for: a chart as high as the window, parts that only a phone shows, and the names in a
multiselect, which it draws dark on a light page."""
