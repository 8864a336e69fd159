"""A publication that is broken off at any point can be read."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from liq import system
from liq.sources.positions.index import INDEX, parse_index
from liq.sources.positions.publish import publish
from tests.served import ROOT
from tests.sources.publications.publications import (
    NEWEST,
    collect,
    hours,
    published_times,
    read_index,
)


@pytest.mark.parametrize("fails_at", range(8))
def test_a_publication_that_is_broken_off_is_the_old_one_or_the_new_one(tmp_path, monkeypatch, fails_at):
    """Every move in place is broken off once, as by the end of the process: nothing after it happens."""
    public = tmp_path / "public"
    collect(tmp_path / "seen", hours(26))
    old = publish(tmp_path / "seen", public)
    collect(tmp_path / "seen", [NEWEST + pd.Timedelta(hours=step) for step in (1, 13, 14)])
    moves = 0

    class Ended(BaseException):
        """The end of the process."""

    def move(source, target):
        nonlocal moves
        moves += 1
        if moves > fails_at:
            raise Ended
        os.replace(source, target)

    monkeypatch.setattr(system, "move_in_place", move)
    try:
        new = publish(tmp_path / "seen", public)
    except Ended:
        assert read_index(public) == old
    else:
        assert read_index(public) == new
    monkeypatch.undo()
    new = publish(tmp_path / "seen", public)
    assert read_index(public) == new != old
    left = {path.name for path in public.iterdir()}
    assert left <= {INDEX, *(file.name for index in (old, new) for file in index.files)}, "nothing half written"


@pytest.mark.skipif(system.WINDOWS, reason="a file that is open is not replaced there")
def test_an_index_that_is_being_read_stays_what_it_was(tmp_path):
    collect(tmp_path / "seen", hours(3))
    publish(tmp_path / "seen", tmp_path / "public")
    with open(tmp_path / "public" / INDEX, "rb") as reader:
        first = reader.read(20)
        collect(tmp_path / "seen", [NEWEST + pd.Timedelta(hours=1)])
        publish(tmp_path / "seen", tmp_path / "public")
        whole = first + reader.read()
    assert published_times(parse_index(whole, "it")) == hours(3)


COMMAND = """
import sys
from liq.sources.positions.publish import publish
print("begins", flush=True)
publish(sys.argv[1], sys.argv[2])
"""


def test_a_kill_leaves_a_publication_that_can_be_read(tmp_path):
    public = tmp_path / "public"
    collect(tmp_path / "seen", hours(20))
    old = publish(tmp_path / "seen", public)
    rng = random.Random(5)
    for step in range(1, 7):
        collect(tmp_path / "seen", [NEWEST + pd.Timedelta(hours=20 * step)])
        command = [sys.executable, "-c", COMMAND, str(tmp_path / "seen"), str(public)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(rng.uniform(0.0, 0.15))
            process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        new = publish(tmp_path / "seen", tmp_path / f"at-once-{step}")
        assert read_index(public) in (old, new)
        old = publish(tmp_path / "seen", public)
        assert old == new
