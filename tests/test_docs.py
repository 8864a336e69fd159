"""The documents keep their word: their Python and commands run, links lead somewhere, docstrings' examples hold."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import pkgutil
import re
import shlex
import sys
from pathlib import Path

import pandas as pd
import pytest

import liq
from liq.__main__ import COMMANDS, _parser, main
from tests.served import write_recording

ROOT = Path(__file__).resolve().parents[1]
PAPERS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ROOMS = [name for _, name, _ in pkgutil.walk_packages(liq.__path__, "liq.") if not name.endswith("__main__")]


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_python_blocks_run(paper):
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", paper.read_text(), re.S):
        exec(compile(block, paper.name, "exec"), names)


def commands(paper: Path) -> list[list[str]]:
    """Return the commands of a paper's shell blocks as words, without settings before and pipes after them."""
    found = []
    for block in re.findall(r"```sh\n(.*?)```", paper.read_text(), re.S):
        for line in block.replace("\\\n", " ").splitlines():
            for part in line.split("&&"):
                words = shlex.split(re.split(r"[|>]", part)[0], comments=True)
                while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
                    words.pop(0)
                if words:
                    found.append(words)
    return found


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A folder with the files that the documents name."""
    recording = write_recording(tmp_path / "btcusdt_5m.csv", days=24)
    frame = pd.read_csv(recording)
    hours = frame.groupby(frame["open_time_ms"] // 3_600_000 * 3_600_000)
    reach = (hours["high"].max() / hours["low"].min() - 1).to_numpy()
    mine = pd.DataFrame({"open_time_ms": list(hours.groups), "long": 1e9 * reach**2, "short": 5e8 * reach**2})
    mine.to_csv(tmp_path / "mine.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_commands_run(paper, folder, venues, capsys):
    """Run what answers by itself, against the stand-in for the venues; of the rest, see that what it names exists."""
    for words in commands(paper):
        said = " ".join(words)
        program = words[0].removeprefix(".venv/bin/")
        if program in ("python", "python3") and words[1:3] == ["-m", "liq"]:
            answer(words[3:], said, capsys)
        elif program == "docker":
            assert (ROOT / "Dockerfile").exists()
            if "python" in words:
                answer(words[words.index("python") + 3 :], said, capsys)
        elif program == "make":
            assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.M), said
        elif program in ("python", "python3"):
            assert words[1] == "-m", said
            assert importlib.util.find_spec(words[2]), said
        else:
            assert (Path(sys.executable).parent / program).exists(), said
            assert program != "streamlit" or (ROOT / words[2]).exists(), said
            assert "-r" not in words or (ROOT / words[words.index("-r") + 1]).exists(), said


def answer(words: list[str], said: str, capsys) -> None:
    """Run one command of `python -m liq`; what would not end, or would take long, only has to make sense."""
    asked = _parser(words).parse_args(words)
    if asked.command == "record" or (asked.command == "scan" and asked.tickers is None):
        return
    code = main([*words, "--once"] if asked.command == "watch" else words)
    told = capsys.readouterr()
    assert code == 0, f"{said}: {told.err}"
    assert "Traceback" not in told.err
    assert told.out or asked.command == "watch" or getattr(asked, "output", None), said


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_commands_in_the_text_exist(paper):
    for module in re.findall(r"python -m\s+((?:liq|benchmarks|tests)(?:\.\w+)*)", paper.read_text()):
        assert importlib.util.find_spec(module), module
    for name in re.findall(r"python -m liq (\w+)", paper.read_text()):
        assert name in COMMANDS or name == "COMMAND", name


def test_the_image_holds_what_the_app_needs_and_no_more():
    """Read the Dockerfile as far as it can be read without an engine to build it."""
    steps = re.findall(r"^([A-Z]+) (.*)$", (ROOT / "Dockerfile").read_text().replace("\\\n", ""), re.M)
    kinds = [kind for kind, _ in steps]
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", dict(steps)["FROM"]), "pinned and slim"
    copied = {word for kind, rest in steps if kind == "COPY" for word in rest.split()[:-1]}
    needed = {"streamlit_app.py", "liq", "pages", ".streamlit", "requirements.txt"}
    assert copied == needed
    assert all((ROOT / name).exists() for name in copied)
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert kept == needed
    installs = next(n for n, (_, rest) in enumerate(steps) if "pip install" in rest)
    assert steps.index(("COPY", "requirements.txt ./")) < installs < steps.index(("COPY", "liq ./liq"))
    assert kinds.index("USER") < kinds.index("HEALTHCHECK") < kinds.index("CMD")
    assert not dict(steps)["USER"].startswith(("0", "root"))
    assert "_stcore/health" in dict(steps)["HEALTHCHECK"]
    assert not {"ARG", "ADD"} & set(kinds), "nothing comes in that is not in the repository"


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
        if not name.startswith("liq/app/"):
            assert not re.search(r"^\s*(import streamlit|from streamlit)", text, re.M), name
        assert not re.search(r"^(import ccxt|from ccxt)", text, re.M), name
        if name != "liq/sources/venues/client.py":
            assert not re.search(r"^\s*(import ccxt|from ccxt)", text, re.M), name
    for file in [*(ROOT / "pages").glob("*.py"), ROOT / "streamlit_app.py"]:
        assert "ccxt" not in file.read_text(), file
        assert "numpy" not in file.read_text(), file
