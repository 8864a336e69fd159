"""The structure of the tree, where the import contracts in pyproject.toml say nothing: sizes, names, lazy imports."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("liq", "pages", "benchmarks", "tests")
FILES = sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))

MAX_LINES = 300
MAX_FILES = 12

LONG_FILES: dict[str, str] = {}
"""Files that may be longer than MAX_LINES, each with the reason."""

FULL_FOLDERS = {
    "benchmarks": "one module a measurement, each run by its own name and used by no other part",
    "liq/commands": "one module a command, and what they share",
}
"""Folders that may hold more than MAX_FILES modules, each with the reason."""

NAMELESS = {"utils.py", "helpers.py", "common.py", "misc.py", "tools.py"}


def name(path: Path) -> str:
    """Return a path as it is written in this file."""
    return path.relative_to(ROOT).as_posix()


def test_no_file_is_longer_than_300_lines():
    long = {name(file) for file in FILES if len(file.read_text().splitlines()) > MAX_LINES}
    assert long == set(LONG_FILES)


def test_no_folder_holds_more_than_a_dozen_modules():
    modules: dict[Path, int] = Counter(file.parent for file in FILES if file.name != "__init__.py")
    full = {name(folder) for folder, count in modules.items() if count > MAX_FILES}
    assert full == set(FULL_FOLDERS)


def test_every_exception_says_why():
    assert all(len(reason) > 20 for reason in [*LONG_FILES.values(), *FULL_FOLDERS.values()])


def test_no_module_has_a_name_that_says_nothing():
    assert not [name(file) for file in FILES if file.name in NAMELESS]


@pytest.mark.parametrize("file", FILES, ids=name)
def test_every_module_begins_with_one_sentence(file):
    text = ast.get_docstring(ast.parse(file.read_text()))
    assert text, "a module's first line says what it is for"
    assert text.split("\n")[0].endswith((".", "`", ":")), "and is a sentence"


def imports(file: Path, top_level: bool) -> set[str]:
    """Return the packages that a file imports, at its top level only or anywhere."""
    tree = ast.parse(file.read_text())
    found = set()
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_pages_hold_no_arithmetic_and_ask_no_venue():
    for file in [*(ROOT / "pages").glob("*.py"), ROOT / "streamlit_app.py"]:
        assert not imports(file, top_level=False) & {"ccxt", "numpy"}, name(file)


def test_ccxt_is_imported_by_one_module_and_only_when_it_is_needed():
    importers = {name(file) for file in (ROOT / "liq").rglob("*.py") if "ccxt" in imports(file, top_level=False)}
    assert importers == {"liq/sources/venues/client.py"}
    assert "ccxt" not in imports(ROOT / "liq/sources/venues/client.py", top_level=True)


def test_the_package_imports_neither_ccxt_nor_streamlit_nor_altair():
    """Start-up is what a command and a scan's worker pay for every time."""
    heavy = {"ccxt", "streamlit", "altair", "vl_convert", "filelock", "python_calamine"}
    code = f"import sys, liq; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_page_builds_html_from_data_or_uses_what_streamlit_has_dropped():
    for file in [*(ROOT / "pages").glob("*.py"), *(ROOT / "liq" / "app").rglob("*.py"), ROOT / "streamlit_app.py"]:
        assert not re.search(r"use_container_width|unsafe_allow_html=True", file.read_text()), name(file)
