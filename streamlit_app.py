"""Entry of the app: page setup, the sidebar whose state is the URL, navigation, and the disclaimer."""

import streamlit as st

from liq.app import controls
from liq.formatting import DISCLAIMER

page = controls.setup()
controls.sidebar()
body = st.container()
st.caption(DISCLAIMER)  # drawn before the page, so that one that stops early still ends with it
with body:
    page.run()
