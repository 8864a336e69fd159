"""Entry of the app: page setup, the sidebar whose state is the URL, navigation, and the disclaimer."""

import streamlit as st

from liq.app import controls, current_market
from liq.app.parts.notices import disclaimer, forget_kinds
from liq.app.parts.style import STYLE

page = controls.setup()
controls.dark_first()
controls.sidebar(page.title)
st.html(STYLE)
body = st.container()
foot = st.empty()
foot.caption(disclaimer())  # drawn before the page, so that one that stops early still ends with it
forget_kinds()
with body:
    controls.phone_controls(page.title)
    page.run()
foot.caption(disclaimer())  # the page may show another kind of map than before
controls.finish_page(page.title)
current_market.finish_loading(controls.described_view())
