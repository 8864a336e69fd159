"""What commands do with bad input, without a venue, and at the end of a pipe: one sentence and an exit code."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys

import pandas as pd
import pytest

from liq import __main__ as door
from liq.__main__ import COMMANDS, main
from liq.sources import fetch, market_cache
from tests.commands.process import SIMULATED, run_in_process
from tests.served import ROOT

pytestmark = pytest.mark.usefixtures("no_network")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["zones", "NOSUCH", *SIMULATED], 2, "NOSUCH"),
        (["zones", *SIMULATED, "--prior", "nosuch"], 2, "--prior must be"),
        (["zones", *SIMULATED, "--prior", "requirements.txt"], 2, "prior is not one"),
        (["zones", *SIMULATED, "--leverage", "7x"], 2, "'7x'"),
        (["zones", "--file", "nosuch.csv"], 2, "cannot be read"),
        (["zones", "--file", "nosuch.csv", *SIMULATED], 2, "leave --source out"),
        (["zones", *SIMULATED, "--output", "/nosuch/zones.csv"], 2, "cannot be written"),
        (["heatmap", *SIMULATED, "--columns", "0"], 2, "columns"),
        (["heatmap", *SIMULATED, "--more-heat", "101"], 2, "--more-heat"),
        (["zones", "--source", "okx"], 3, "OKX"),
        (["zones"], 3, "--source simulated"),
    ],
)
def test_what_cannot_be_answered_is_one_sentence_and_a_code(capsys, words, code, said):
    assert main(words) == code
    output = capsys.readouterr()
    assert output.out == ""
    assert said in output.err
    assert "Traceback" not in output.err


@pytest.mark.parametrize("words", [[], ["nosuch"], ["zones", "--nosuch"], ["zones", "--lookback", "8d"]])
def test_a_command_line_that_makes_no_sense_ends_with_two(capsys, words):
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("form", ["parquet", "png"])
def test_a_terminal_is_spared_what_is_not_text(capsys, monkeypatch, form):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(fetch, "fetch", lambda *_, **__: pytest.fail("asked before refusing"))
    assert main(["heatmap", *SIMULATED, "--format", form]) == 2
    assert "--output" in capsys.readouterr().err


def test_an_interruption_and_a_broken_disk_have_their_codes(capsys, monkeypatch):
    def broken(*_, **__):
        raise OSError("the disk is gone")

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    for what, code in ((broken, 1), (interrupted, 130)):
        monkeypatch.setattr(fetch, "fetch", what)
        assert main(["zones", *SIMULATED]) == code
    assert "the disk is gone" in capsys.readouterr().err


def test_a_venue_answers_as_in_the_app(venues, capsys, monkeypatch):
    monkeypatch.setattr(market_cache, "utc_now", lambda: pd.Timestamp.now("UTC"))
    venues.fail("binanceusdm", "451")
    assert main(["zones", "BTC", "--lookback", "1d", "--format", "json"]) == 0
    output = capsys.readouterr()
    answer = json.loads(output.out)
    assert answer["source"] not in ("binanceusdm", "simulated")
    assert answer["simulated"] is False
    assert "binanceusdm" in answer["left_out"]
    assert "Binance" in output.err
    assert main(["zones", "BTC", "--lookback", "1d", "--source", "all", "--format", "csv"]) == 0
    (sources,) = set(pd.read_csv(io.StringIO(capsys.readouterr().out))["source"])
    assert set(sources.split("+")) > {"okx", "gate"}
    assert "binanceusdm" not in sources
    assert main(["zones", "NOSUCHCOIN", "--source", "gate"]) == 2


def test_without_a_terminal_a_pipe_may_close_early_and_little_is_imported():
    heavy = "import sys; from liq.__main__ import main; main(sys.argv[1:]); "
    heavy += "print(sorted({'streamlit', 'altair', 'ccxt', 'PIL'} & set(sys.modules)))"
    command = [sys.executable, "-c", heavy, "zones", *SIMULATED, "--output", os.devnull]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False, encoding="utf-8")
    assert done.stdout.strip() == "[]", done.stderr

    # an unbuffered Python does not notice that a pipe was closed
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "liq", "heatmap", *SIMULATED],
        cwd=ROOT,
        stdout=writer,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env=buffered,
        encoding="utf-8",
    )
    os.close(writer)
    assert os.read(reader, 30).startswith(b"symbol,source,time")
    os.close(reader)
    _, output = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in output
    assert "BrokenPipe" not in output

    if os.path.exists("/dev/full"):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run(
                [sys.executable, "-m", "liq", "zones", *SIMULATED],
                cwd=ROOT,
                stdout=full,
                stderr=subprocess.PIPE,
                timeout=60,
                check=False,
                env=buffered,
                encoding="utf-8",
            )
        assert done.returncode == 1
        assert "No space left" in done.stderr
        assert "Exception" not in done.stderr

    poor = run_in_process("zones", *SIMULATED, env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert poor.returncode == 0, poor.stderr
    assert "BTC/USDT" in poor.stdout


@pytest.mark.parametrize("name", [name for name in COMMANDS if (ROOT / "liq" / "commands" / f"{name}.py").exists()])
def test_every_command_has_help_with_an_example_that_parses(capsys, name):
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    output = capsys.readouterr().out
    examples = re.findall(rf"^  python -m liq ({name}\b[^|>\n]*)", output, re.M)
    assert examples
    for example in examples:
        door._parser(example.split()).parse_args(example.split())
