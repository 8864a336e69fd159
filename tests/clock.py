"""The clock of tests: the simulated market goes on with the present, so what it shows is that of one fixed moment."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pandas as pd

from liq.sources import market_cache

NOW = pd.Timestamp(os.environ.get("LIQ_TEST_NOW", "2026-11-25 12:07"), tz="UTC")
"""When every test begins, and every app that one serves; any other moment has to pass as well."""


def started() -> Callable[[], pd.Timestamp]:
    """Return a clock that shows NOW, and goes on from there as fast as the real one."""
    shift = NOW - pd.Timestamp.now("UTC")
    return lambda: pd.Timestamp.now("UTC") + shift


if __name__ == "__main__":  # Streamlit's command line, with this clock
    from streamlit.web.cli import main

    market_cache.utc_now = started()
    sys.exit(main())
