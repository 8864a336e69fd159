"""Entry of the app: page setup, the sidebar whose state is the URL, navigation, and the disclaimer."""

import gc

import streamlit as st

from liq.app import controls, current_market
from liq.formatting import DISCLAIMER

page = controls.setup()
controls.sidebar()
body = st.container()
st.caption(DISCLAIMER)  # drawn before the page, so that one that stops early still ends with it
with body:
    page.run()
if gc.get_freeze_count() == 0:
    gc.freeze()  # Streamlit collects after every run; what is imported by now never has to be walked again
current_market.finish_loading(controls.described_view())
