"""The documents keep their word: their Python runs, their links lead somewhere, the docstrings' examples hold."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import liq

ROOT = Path(__file__).resolve().parents[1]
PAPERS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ROOMS = [name for _, name, _ in pkgutil.walk_packages(liq.__path__, "liq.") if not name.endswith("__main__")]


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_python_blocks_run(paper):
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", paper.read_text(), re.S):
        exec(compile(block, paper.name, "exec"), names)


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_links_lead_somewhere(paper):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", paper.read_text()):
        assert (paper.parent / target).exists(), target


@pytest.mark.parametrize("room", ROOMS)
def test_examples_in_docstrings_hold(room):
    assert doctest.testmod(importlib.import_module(room)).failed == 0


def test_the_house_rules():
    """Streamlit stays in the entry, the pages and the controls; ccxt in one room, and lazily."""
    for file in (ROOT / "liq").rglob("*.py"):
        text, name = file.read_text(), str(file.relative_to(ROOT))
        if name != "liq/controls.py":
            assert not re.search(r"^\s*(import streamlit|from streamlit)", text, re.M), name
        assert not re.search(r"^(import ccxt|from ccxt)", text, re.M), name
        if name != "liq/sources/exchange.py":
            assert not re.search(r"^\s*(import ccxt|from ccxt)", text, re.M), name
    for file in [*(ROOT / "pages").glob("*.py"), ROOT / "streamlit_app.py"]:
        assert "ccxt" not in file.read_text(), file
        assert "numpy" not in file.read_text(), file
