"""Commands answer the same bytes in every time zone, locale, encoding and folder."""

from __future__ import annotations

import locale
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.served import ROOT, write_recording

SCRIPT = """
import os, sys
from liq.__main__ import main
os.environ["LIQ_FILE"], folder = sys.argv[1:]  # read once for all commands
window = ["--source", "file", "--lookback", "1d"]
for number, words in enumerate((
    ["zones", *window],
    ["skill", *window],
    ["zones", *window, "--format", "json"],
    ["zones", *window, "--format", "csv"],
    ["zones", *window, "--format", "pine"],
    ["skill", *window, "--format", "json"],
    ["heatmap", *window, "--format", "csv"],
    ["heatmap", *window, "--format", "json"],
)):
    assert main(words) == 0, words
    sys.stdout.flush()
    sys.stdout.buffer.write(b"\\0")
    if number % 3 == 0:
        assert main([*words, "--output", f"{folder}/{number}"]) == 0, words
"""
TEXTS = 2
"""How many of these are for people, in the console's encoding; the others are data, in UTF-8."""


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    """A market with liquidations, in a folder and a file whose names are not ASCII and have blanks."""
    folder = tmp_path_factory.mktemp("Prüfung für Übung")
    path = write_recording(folder / "BTCUSDT größe 5m.csv", days=20)
    bars = pd.read_csv(path)
    rng = np.random.default_rng(0)
    drawn = {
        side: (rng.exponential(1e5, len(bars)) * (rng.random(len(bars)) < 0.3)).round() for side in ("long", "short")
    }
    bars.assign(**drawn).to_csv(path, index=False)
    return path


@cache
def plain(recording: Path) -> tuple[list[bytes], list[bytes]]:
    """Return what the commands print and write in UTF-8 and UTC."""
    return answers(recording, {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONIOENCODING": "utf-8"})


def answers(
    recording: Path, environment: dict[str, str], package: Path = ROOT, code: str = SCRIPT
) -> tuple[list[bytes], list[bytes]]:
    """Return what each of the commands prints, and what every third writes to a file."""
    folder = recording.parent / "Ausgabe hier"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code, recording.name, folder.name],
        cwd=recording.parent,
        env={
            **{k: v for k, v in os.environ.items() if k != "PYTHONIOENCODING"},
            "PYTHONPATH": str(package),
            "LC_ALL": "C.UTF-8",
            **environment,
        },
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.split(b"\0")[:-1], [path.read_bytes() for path in sorted(folder.iterdir())]


def has_locale(name: str) -> bool:
    """Return whether the system has a locale."""
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, name)
    except locale.Error:
        return False
    finally:
        locale.setlocale(locale.LC_ALL, before)
    return True


ENVIRONMENTS = {
    "Kolkata, ASCII": ({"TZ": "Asia/Kolkata", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}, "ascii"),
    "New York, Windows in Western Europe": (
        {"TZ": "America/New_York", "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"},
        "cp1252",
    ),
    "Kiritimati, an old console": (
        {"TZ": "Pacific/Kiritimati", "PYTHONIOENCODING": "cp437", "PYTHONUTF8": "0"},
        "cp437",
    ),
    "Windows in Japan": ({"TZ": "Asia/Tokyo", "PYTHONIOENCODING": "cp932", "PYTHONUTF8": "0"}, "cp932"),
    "C": ({"LC_ALL": "C"}, "utf-8"),
    "German": ({"LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de"}, "utf-8"),
}
"""Time zone, locale and console; what is written to files is the same bytes in all of them."""


@pytest.mark.parametrize(("environment", "encoding"), ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_answers_are_the_same_bytes_everywhere(recording, environment, encoding):
    if not has_locale(environment.get("LC_ALL", "C")):
        pytest.skip(f"this system has no locale {environment['LC_ALL']}")
    printed, written = answers(recording, environment)
    expected, files = plain(recording)
    assert written == files
    assert printed[TEXTS:] == expected[TEXTS:]
    assert printed[:TEXTS] == [text.decode("utf-8").encode(encoding, "replace") for text in expected[:TEXTS]]


def test_files_hold_what_is_printed(recording):
    printed, written = plain(recording)
    assert [text.rstrip(b"\n") for text in printed[::3]] == [text.rstrip(b"\n") for text in written]
    assert all(b"\r" not in text for text in written)
    assert "größe".encode() in printed[0] + printed[2] or any(byte > 127 for byte in printed[1]), (
        "something to encode"
    )


@pytest.mark.skipif(not has_locale("de_DE.ISO8859-1"), reason="this system has no such locale")
def test_a_locale_of_another_encoding_changes_no_file(recording, tmp_path):
    """Names of files are then read in that encoding too, so this one has a plain name."""
    path = tmp_path / "BTCUSDT_5m.csv"
    shutil.copy(recording, path)
    _, files = answers(path, {"LC_ALL": "C.UTF-8"})
    _, written = answers(path, {"LC_ALL": "de_DE.ISO8859-1", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    assert written == files


def test_the_lines_of_files_end_alike_where_the_system_ends_them_otherwise(recording):
    _, files = plain(recording)
    _, written = answers(recording, {}, code='import os\nos.linesep = "\\r\\n"' + SCRIPT)
    assert written == files


def test_the_package_runs_from_a_folder_with_blanks_and_umlauts(recording, tmp_path):
    package = tmp_path / "Eigene Programme (größer) 100%"
    package.mkdir()
    shutil.copytree(ROOT / "liq", package / "liq", ignore=shutil.ignore_patterns("__pycache__"))
    where = 'import liq, sys; assert "100%" in liq.__file__, liq.__file__' + SCRIPT
    assert answers(recording, {}, package, where) == plain(recording)


def test_a_name_that_the_console_lacks_survives_in_data_and_is_replaced_in_text():
    code = """
from argparse import Namespace
from liq.__main__ import main
from liq.commands.output import write_output
import liq.commands.zones as zones
zones.run = lambda args: write_output("币安,1", args)
main(["zones", *__import__("sys").argv[1:]])
"""
    for words, expected in ((["--format", "csv"], "币安,1\n".encode()), ([], b"??,1\n")):
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            cwd=ROOT,
            env={**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"},
            capture_output=True,
            check=True,
        )
        assert done.stdout == expected
