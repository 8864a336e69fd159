"""The structure of the tree, where the import contracts in pyproject.toml say nothing: names, lazy imports."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("liq", "pages", "benchmarks", "tests")
FILES = sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))

NAMELESS = {"utils.py", "helpers.py", "common.py", "misc.py", "tools.py"}


def name(path: Path) -> str:
    """Return a path as it is written in this file."""
    return path.relative_to(ROOT).as_posix()


def test_no_module_has_a_name_that_says_nothing():
    assert not [name(file) for file in FILES if file.name in NAMELESS]


@pytest.mark.parametrize("file", FILES, ids=name)
def test_every_module_begins_with_one_sentence(file):
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    assert text, "a module's first line says what it is for"
    assert text.split("\n")[0].endswith((".", "`", ":")), "and is a sentence"


def imports(file: Path, top_level: bool) -> set[str]:
    """Return the packages that a file imports, at its top level only or anywhere."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
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
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, encoding="utf-8")
    assert done.stdout.strip() == "[]"


def test_no_page_builds_html_from_data_or_uses_what_streamlit_has_dropped():
    for file in [*(ROOT / "pages").glob("*.py"), *(ROOT / "liq" / "app").rglob("*.py"), ROOT / "streamlit_app.py"]:
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"use_container_width|unsafe_allow_html=True", text), name(file)


MODE_AT = {"open": 1, "fdopen": 1, ".open": 0, "NamedTemporaryFile": 0, "TemporaryFile": 0, "FileType": 0}
"""Functions that open a file, and at which place the mode stands; a method is written with a dot."""


def lacks_an_encoding(call: ast.Call) -> bool:
    """Return whether a call opens text, or a process's text, and names no encoding."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    function = call.func
    method = function.attr if isinstance(function, ast.Attribute) else ""
    called = function.id if isinstance(function, ast.Name) else method
    if "encoding" in given or (method == "open" and isinstance(function, ast.Attribute) and is_os(function.value)):
        return False
    as_text = any(ast.unparse(given[key]) == "True" for key in ("text", "universal_newlines") if key in given)
    if as_text or called in {"read_text", "write_text", "TextIOWrapper"}:
        return True
    place = MODE_AT.get(".open" if method == "open" else called)
    if place is None:
        return False
    mode = given.get("mode", call.args[place] if len(call.args) > place else None)
    if method == "open":  # a path's, or an archive's or a picture's, which take the name first
        return not call.args and not given if mode is None else is_text_mode(mode)
    binary_without_mode = called in {"NamedTemporaryFile", "TemporaryFile"}
    return not binary_without_mode if mode is None else is_text_mode(mode)


def is_os(node: ast.expr) -> bool:
    """Return whether an expression is the module os."""
    return isinstance(node, ast.Name) and node.id == "os"


def is_text_mode(node: ast.expr) -> bool:
    """Return whether an expression is a mode such as "w", or chooses between such."""
    words = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    modes = [word for word in words if re.fullmatch("[rwaxbt+]+", word)]
    return bool(modes) and not any("b" in mode for mode in modes)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("path.read_text()", True),
        ("path.write_text(data)", True),
        ("path.read_text(encoding='utf-8')", False),
        ("open(path)", True),
        ("open(path, 'w')", True),
        ("open(path, 'w' if fresh else 'a')", True),
        ("open(path, 'rb')", False),
        ("os.open(path, flags)", False),
        ("path.open()", True),
        ("path.open('a')", True),
        ("archive.open(member)", False),
        ("NamedTemporaryFile('w')", True),
        ("TemporaryFile()", False),
        ("run(command, text=True)", True),
        ("run(command, text=True, encoding='utf-8')", False),
    ],
)
def test_calls_without_an_encoding_are_recognised(code, expected):
    assert lacks_an_encoding(ast.parse(code, mode="eval").body) == expected


@pytest.mark.parametrize("file", [*FILES, ROOT / "streamlit_app.py"], ids=name)
def test_text_is_opened_with_an_encoding(file):
    """Ruff's PLW1514 sees only what it can infer the type of; a path in an argument, or a process, it does not."""
    calls = [node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    assert [ast.unparse(call) for call in calls if lacks_an_encoding(call)] == []
