"""The documents are true: their Python and their commands run, and what they link to exists."""

from __future__ import annotations

import importlib
import importlib.util
import re
import shlex
import sys
from pathlib import Path

import pandas as pd
import pytest

from liq.__main__ import COMMANDS, _parser, main
from tests.served import write_recording

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(file for folder in ("liq", "pages", "benchmarks", "tests") for file in (ROOT / folder).rglob("*.py"))
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_python_blocks_run(document):
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", document.read_text(encoding="utf-8"), re.S):
        exec(compile(block, document.name, "exec"), names)


def commands(document: Path) -> list[list[str]]:
    """Return the commands of a document's shell blocks as words, without settings before and pipes after them."""
    found = []
    for block in re.findall(r"```sh\n(.*?)```", document.read_text(encoding="utf-8"), re.S):
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


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_commands_run(document, folder, venues, capsys):
    """Run the commands of `liq` against the local venue server; check that what every other command names exists."""
    for words in commands(document):
        line = " ".join(words)
        program = words[0].removeprefix(".venv/bin/")
        if program == "liq":
            run_command(words[1:], line, capsys)
        elif program in ("python", "python3") and words[1:3] == ["-m", "liq"]:
            run_command(words[3:], line, capsys)
        elif program == "docker":
            assert (ROOT / "Dockerfile").exists()
            if "python" in words:
                run_command(words[words.index("python") + 3 :], line, capsys)
        elif program == "make":
            assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M), line
        elif program in ("python", "python3"):
            assert words[1] == "-m", line
            assert importlib.util.find_spec(words[2]), line
        else:
            assert (Path(sys.executable).parent / program).exists(), line
            assert program != "streamlit" or (ROOT / words[2]).exists(), line
            assert "-r" not in words or (ROOT / words[words.index("-r") + 1]).exists(), line


def run_command(words: list[str], line: str, capsys) -> None:
    """Run one command of `liq`; one that would not end, or would take long, is only parsed."""
    args = _parser(words).parse_args(words)
    if args.command in ("record", "app") or (args.command == "scan" and args.tickers is None):
        return
    endless = args.command in ("watch", "positions") and not args.once
    code = main([*(word for word in words if not endless or word not in ("--every", "15m")), *["--once"] * endless])
    output = capsys.readouterr()
    assert code == 0, f"{line}: {output.err}"
    assert "Traceback" not in output.err
    assert output.out or args.command in ("watch", "positions") or getattr(args, "output", None), line


def test_every_command_is_documented():
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert re.search(rf"^\| `{name}` \|", text, re.M), name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_commands_in_the_text_exist(document):
    for module in re.findall(
        r"python -m\s+((?:liq|benchmarks|tests)(?:\.\w+)*)", document.read_text(encoding="utf-8")
    ):
        assert importlib.util.find_spec(module), module
    for name in re.findall(r"(?:python -m |`)liq (\w+)", document.read_text(encoding="utf-8")):
        assert name in COMMANDS or name == "COMMAND", name


def exists(name: str) -> bool:
    """Return whether a dotted name is a module of the package, or something in one."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            value: object = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            fields = getattr(value, "__dataclass_fields__", {})
            if not hasattr(value, part) and part not in fields:
                return False
            value = getattr(value, part, None)
        return True
    return False


@pytest.mark.parametrize(
    "document", [*DOCUMENTS, *SOURCES], ids=lambda document: document.relative_to(ROOT).as_posix()
)
def test_names_of_modules_functions_and_files_exist(document):
    text = document.read_text(encoding="utf-8")
    if document.name == "CHANGELOG.md":  # it tells what is gone, too
        return
    for name in re.findall(r"`(liq(?:\.\w+)+)", re.sub(r"liq\.\w+/\d", "", text)):
        assert exists(name), name
    for path in re.findall(r"\b(?:liq|tests|benchmarks|pages)/[\w/]+\.(?:py|json)\b", text):
        assert (ROOT / path).exists() or path.startswith("liq/app/bundle"), path


def test_the_image_holds_what_the_app_needs_and_no_more():
    """Read the Dockerfile as far as it can be read without an engine to build it."""
    steps = re.findall(
        r"^([A-Z]+) (.*)$", (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", ""), re.M
    )
    kinds = [kind for kind, _ in steps]
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", dict(steps)["FROM"]), "pinned and slim"
    copied = {word for kind, rest in steps if kind == "COPY" for word in rest.split()[:-1]}
    needed = {"streamlit_app.py", "liq", "pages", ".streamlit", "requirements.txt"}
    assert copied == needed
    assert all((ROOT / name).exists() for name in copied)
    kept = {
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")
    }
    assert kept == needed
    installs = next(n for n, (_, rest) in enumerate(steps) if "pip install" in rest)
    assert steps.index(("COPY", "requirements.txt ./")) < installs < steps.index(("COPY", "liq ./liq"))
    assert kinds.index("USER") < kinds.index("HEALTHCHECK") < kinds.index("CMD")
    assert not dict(steps)["USER"].startswith(("0", "root"))
    assert "_stcore/health" in dict(steps)["HEALTHCHECK"]
    assert not {"ARG", "ADD"} & set(kinds), "nothing comes in that is not in the repository"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


def test_the_documents_say_alike_on_which_systems_commands_run():
    sentence = (
        "It is made for Linux, macOS and Windows; the tests run on Linux and pretend what the other two do otherwise"
    )
    for name in ("recorder", "positions", "scan"):
        text = " ".join((ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8").split())
        assert f"{sentence}, and it has not been run on those." in text, name
