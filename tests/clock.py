"""The clock of tests: the simulated market goes on with the present, so what it shows is that of one fixed moment."""

from __future__ import annotations

import os
import sys

import pandas as pd

from liq.sources import market_cache

SHIFT = "LIQ_TEST_SHIFT"
"""Nanoseconds from the real clock to the tests'; what a test starts inherits it."""

NOW = os.environ.get("LIQ_TEST_NOW", "2026-11-25 12:07")
"""When a run of the tests begins, UTC; any other moment has to pass as well."""

os.environ.setdefault(SHIFT, str((pd.Timestamp(NOW, tz="UTC") - pd.Timestamp.now("UTC")).value))


def utc_now() -> pd.Timestamp:
    """Return the present as the tests have it: it began at NOW and goes on as fast as the real one."""
    return pd.Timestamp.now("UTC") + pd.Timedelta(int(os.environ[SHIFT]))


if __name__ == "__main__":  # Streamlit's command line, with this clock
    from streamlit.web.cli import main

    market_cache.utc_now = utc_now
    sys.exit(main())
