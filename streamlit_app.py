"""Entry of the app: page setup, the sidebar whose state is the URL, navigation, and the disclaimer."""

import streamlit as st

from liq.app import controls, current_market
from liq.app.parts.style import STYLE
from liq.formatting import DISCLAIMER

page = controls.setup()
controls.dark_first()
controls.sidebar(page.title)
st.html(STYLE)
body = st.container()
st.caption(DISCLAIMER)  # drawn before the page, so that one that stops early still ends with it
with body:
    controls.phone_controls(page.title)
    page.run()
controls.finish_page(page.title)
current_market.finish_loading(controls.described_view())
