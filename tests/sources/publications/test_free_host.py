"""The scheduled job, run as its host would run it: twice, cut in between, and for a quarter."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from liq.sources.positions.publish import publish
from tests.served import ROOT
from tests.sources.publications.publications import NEWEST, collect, hours, published_times, read_index, tree
from tests.sources.recorder.recording import wait_for

SCRIPT = ROOT / ".github" / "publish_positions.py"

SALT = "thirty characters nobody knows"

pytestmark = pytest.mark.skipif(
    shutil.which("git") is None or sys.platform == "win32", reason="the job runs on Linux, and needs git"
)


@pytest.fixture
def clone(tmp_path, monkeypatch) -> Path:
    """A clone of a repository of its own, which it can push to."""
    for name, value in {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LIQ_SALT": SALT}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    git(tmp_path, "init", "--quiet", "--bare", "origin.git")
    git(tmp_path, "init", "--quiet", "clone")
    git(tmp_path / "clone", "remote", "add", "origin", str(tmp_path / "origin.git"))
    monkeypatch.chdir(tmp_path / "clone")
    return tmp_path / "clone"


def git(folder: Path, *words: str) -> str:
    """Run git and return what it says."""
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, encoding="utf-8").stdout


def branch(clone: Path, to: str) -> Path:
    """Return what a reader sees of the branch, in a folder; it is one commit."""
    origin = clone.parent / "origin.git"
    assert git(origin, "rev-list", "--count", "positions").strip() == "1"
    git(clone.parent, "clone", "--quiet", "--branch", "positions", str(origin), to)
    return clone.parent / to


def run(*words: str) -> tuple[int, str]:
    """Run the job and return its exit code and what it says."""
    done = subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, encoding="utf-8", check=False)
    return done.returncode, done.stderr


def script() -> ModuleType:
    """Return the job as a module."""
    found = importlib.util.spec_from_file_location("publish_positions", SCRIPT)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize("cut", ["SIGINT", "SIGKILL"])
def test_two_runs_with_a_cut_in_between_end_in_a_branch_that_is_whole(venues, clone, cut):
    venues.knobs.accounts = 40
    code, said = run()
    assert code == 0, said
    first = read_index(branch(clone, "first"))
    assert len(published_times(first)) == 1
    venues.knobs.accounts_changed = True
    (clone / "collected" / "full-pass").write_text("0 yes", encoding="ascii")  # a day goes by
    asked = len(venues.knobs.weights)
    with subprocess.Popen([sys.executable, str(SCRIPT)], start_new_session=True, stderr=subprocess.DEVNULL) as job:
        wait_for(lambda: len(venues.knobs.weights) > asked + 25)
        os.killpg(job.pid, getattr(signal, cut))
    assert read_index(branch(clone, "cut")) == first
    asked = len(venues.knobs.weights)
    code, said = run()
    assert code == 0, said
    if cut == "SIGINT":  # a host that cancels a job asks first
        assert "Going on with the pass" in said
        assert len(venues.knobs.weights) - asked < 40, "what was answered is not asked again"
    second = read_index(branch(clone, "second"))
    assert second.accounts == first.accounts, "accounts can be followed from run to run"
    assert published_times(second)[-1] > published_times(first)[-1]
    assert (clone / "collected" / "full-pass").read_text(encoding="ascii").endswith("yes")
    salt = script().hashlib.blake2b(SALT.encode(), digest_size=16).hexdigest()
    for folder in (clone / "collected", clone.parent / "second"):
        assert "salt" not in {path.name for path in folder.rglob("*")}
        for path in folder.rglob("*"):
            content = path.read_bytes() if path.is_file() else b""
            assert salt.encode() not in content
            assert SALT.encode() not in content
            assert not re.search(rb"0x[0-9a-f]{40}", content)
    assert not [words for words in git(clone, "status", "--porcelain").splitlines() if words[0] != "?"]


def test_what_a_lost_cache_costs_is_a_pass_and_not_the_history(venues, clone):
    venues.knobs.accounts = 20
    assert run()[0] == 0
    first = read_index(branch(clone, "first"))
    shutil.rmtree(clone / "collected")
    shutil.rmtree(clone / "public")
    wait_for(lambda: pd.Timestamp.now("UTC") > first.newest + pd.Timedelta(seconds=1))
    assert run()[0] == 0
    second = read_index(branch(clone, "second"))
    assert second.accounts == first.accounts
    assert second.newest > first.newest


def test_out_of_time_is_no_failure_and_goes_on_next_time(venues, clone, monkeypatch):
    venues.knobs.accounts = 60
    monkeypatch.setattr(venues, "latency", 0.3)
    code, said = run("--minutes", "0.08")
    assert code == 0, said
    assert (clone / "collected" / "full-pass").read_text(encoding="ascii").endswith("no")
    monkeypatch.setattr(venues, "latency", 0.0)
    assert run()[0] == 0
    assert len(published_times(read_index(branch(clone, "done")))) == 1


def test_without_a_salt_nothing_is_collected(venues, clone, monkeypatch):
    monkeypatch.setenv("LIQ_SALT", "short")
    code, said = run()
    assert code == 2
    assert "LIQ_SALT must be a secret of at least 20 characters" in said
    assert venues.log == []


def test_a_venue_that_fails_is_an_error_and_leaves_the_branch(venues, clone):
    venues.knobs.accounts = 20
    assert run()[0] == 0
    before = git(clone.parent / "origin.git", "rev-parse", "positions")
    venues.fail("hyperliquid", "503")
    assert run()[0] == 3
    assert git(clone.parent / "origin.git", "rev-parse", "positions") == before


def test_a_quarter_later_the_branch_is_one_commit_of_the_same_size(clone):
    job, origin = script(), clone.parent / "origin.git"
    seen, public = clone / "collected", clone / "public"
    every = hours(24 * 95)
    for start in range(0, len(every), 57):
        collect(seen, every[start : start + 57 : 8])
        job.fetch(public, "positions")
        index = publish(seen, public)
        job.forget_old(seen)
        job.push(public, "positions")
        shutil.rmtree(public)  # the next run is on another machine
    assert len(job.snapshots(seen)) <= job.SNAPSHOTS
    there = branch(clone, "there")
    assert read_index(there) == index
    assert NEWEST - published_times(index)[0] > pd.Timedelta(days=80), "the branch carries the history"
    shutil.rmtree(there / ".git")
    published = sum(path.stat().st_size for path in there.iterdir())
    assert published < 2.2 * sum(file.size for file in index.files)
    git(origin, "gc", "--quiet", "--prune=now")
    assert sum(path.stat().st_size for path in (origin / "objects").rglob("*") if path.is_file()) < 1.2 * published
    content = tree(there)
    job.fetch(public, "positions")
    job.push(public, "positions")
    assert tree(public) == content


def test_the_workflow_is_off_until_it_is_switched_on_and_keeps_the_salt_to_itself():
    text = (ROOT / ".github" / "workflows" / "positions.yml").read_text(encoding="utf-8")
    assert "if: vars.LIQ_COLLECT == 'true'" in text
    assert "pull_request" not in text, "secrets are for scheduled runs"
    paths = re.findall(r"path: \|\n((?: +\S+\n)+)", text)
    assert len(paths) == 2
    assert paths[0] == paths[1], "the lines are part of a cache's name"
    assert "!collected/salt" in paths[0]
    minutes = float(re.search(r"--minutes (\d+)", text)[1])
    assert minutes + 20 < float(re.search(r"timeout-minutes: (\d+)", text)[1]) < 360
