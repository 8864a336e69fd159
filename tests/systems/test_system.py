"""What only one system has: the same calls on a pretended Windows, a pretended macOS, and where a disk fails."""

from __future__ import annotations

import builtins
import ctypes
import errno
import io
import os
import re
import stat
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import liq
from liq import process_memory, system
from liq.__main__ import main
from liq.scan import executors
from liq.scan.results import ScanJournal, write_scan
from liq.sources.positions import storage as positions
from liq.sources.positions.accounts import Position
from liq.sources.recorder import storage as recorder
from tests.systems.windows import like_windows, needs_proc


@pytest.fixture
def windows(monkeypatch) -> None:
    like_windows(monkeypatch)


def fail_with(number: int):
    def failing(*_, **__):
        raise OSError(number, os.strerror(number))

    return failing


def test_a_folder_is_synced_where_it_can_be_and_a_failing_disk_is_said(monkeypatch, tmp_path):
    synced = []
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda number: synced.append(os.readlink(f"/proc/self/fd/{number}")))
        system.write_in_one_step(tmp_path / "file", lambda file: file.write(b"new"))
    assert synced == [str(tmp_path / ".file"), str(tmp_path)], "the content before its name"
    for number in (errno.EINVAL, errno.EBADF, errno.ENOTSUP):
        monkeypatch.setattr(os, "fsync", fail_with(number))
        system.sync_folder(tmp_path)
    monkeypatch.setattr(os, "fsync", fail_with(errno.EIO))
    with pytest.raises(OSError, match="Input/output error"):
        system.sync_folder(tmp_path)
    monkeypatch.setattr(os, "open", fail_with(errno.EACCES))
    system.sync_folder(tmp_path)


def test_macos_empties_the_drives_cache_too(monkeypatch, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    calls = []
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", lambda number, what: calls.append(what))
    with open(tmp_path / "file", "wb") as file:
        system.sync_file(file.fileno())
        assert calls == [51]
        monkeypatch.setattr(fcntl, "fcntl", fail_with(errno.ENOTSUP))
        monkeypatch.setattr(os, "fsync", calls.append)
        system.sync_file(file.fileno())
        assert calls == [51, file.fileno()]


def test_a_write_that_fails_leaves_the_earlier_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    system.write_in_one_step(path, lambda file: file.write(b"old"))
    with pytest.raises(OSError, match="No space"):
        system.write_in_one_step(path, fail_with(errno.ENOSPC))
    monkeypatch.setattr(os, "replace", fail_with(errno.EACCES))
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("only Windows is tried again"))
    with pytest.raises(PermissionError):
        system.write_in_one_step(path, lambda file: file.write(b"new"))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"file": b"old"}


@pytest.mark.parametrize(("refusals", "arrives"), [(2, True), (len(system.REPLACE_WAITS), True), (99, False)])
def test_a_file_that_is_read_on_windows_is_replaced_a_moment_later(tmp_path, monkeypatch, refusals, arrives):
    path, real, waits, left = tmp_path / "file", os.replace, [], [refusals]

    def replace(source, target):
        left[0] -= 1
        if left[0] >= 0:
            raise PermissionError(errno.EACCES, "Access is denied", str(source), None, str(target))
        real(source, target)

    path.write_bytes(b"old")
    monkeypatch.setattr(system, "WINDOWS", True)
    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(time, "sleep", waits.append)
    if arrives:
        system.write_in_one_step(path, lambda file: file.write(b"new"))
        assert path.read_bytes() == b"new"
        assert waits == list(system.REPLACE_WAITS[:refusals])
    else:
        with pytest.raises(PermissionError):
            system.write_in_one_step(path, lambda file: file.write(b"new"))
        assert path.read_bytes() == b"old"
        assert 1 < sum(waits) < 3
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_a_file_that_is_being_replaced_on_windows_is_read_a_moment_later(tmp_path, monkeypatch):
    path, real, refused = tmp_path / "file", builtins.open, []

    def opened(name, *more, **named):
        if name == path and len(refused) < 2:
            refused.append(name)
            raise PermissionError(errno.EACCES, "Access is denied", str(name))
        return real(name, *more, **named)

    path.write_bytes(b"whole")
    monkeypatch.setattr(builtins, "open", opened)
    with pytest.raises(PermissionError):
        system.open_to_read(path)
    refused.clear()
    monkeypatch.setattr(system, "WINDOWS", True)
    with system.open_to_read(path) as file:
        assert file.read() == b"whole"


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such mode")
def test_the_salt_is_the_users_alone_from_its_first_moment(tmp_path, monkeypatch):
    (tmp_path / ".salt").write_bytes(b"left by a kill")
    (tmp_path / ".salt").chmod(0o644)
    modes, real = [], os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (modes.append(stat.S_IMODE(os.stat(a).st_mode)), real(a, b)))
    before = os.umask(0)
    try:
        first = positions._salt(tmp_path)
    finally:
        os.umask(before)
    assert modes == [0o600]
    assert stat.S_IMODE((tmp_path / "salt").stat().st_mode) == 0o600
    assert (positions._salt(tmp_path), len(first)) == (first, 16)


LEGAL = re.compile(r"[^<>:\"/\\|?*\x00-\x1f]*[^<>:\"/\\|?*\x00-\x1f. ]")


def names(folder: Path) -> list[str]:
    """Return every part of every path below a folder."""
    return [part for path in folder.rglob("*") for part in path.relative_to(folder).parts]


@needs_proc
def test_every_store_works_on_windows_and_names_its_files_as_windows_allows(windows, tmp_path):
    noon, coin = 20_000 * recorder.DAY, "BTC/USDT:USDT"
    row = recorder.Liquidation(noon, coin, "long", 10.0, 2.0, 20.0)
    for number in range(2):
        with recorder.open_store(tmp_path / "recorded") as store:
            store.add("okx", row._replace(time=noon + number))
            store.add_span("okx", recorder.ListeningSpan(noon, noon + 10 + number, recorder.ALL))
    day = recorder.day_file(tmp_path / "recorded", recorder.LIQUIDATIONS, "okx", 20_000)
    assert len(recorder.read_day(day)) == 2
    for _ in range(2):  # the second time a file of that name is there already, which a plain rename refuses
        day.write_bytes(b"damaged")
        with recorder.open_store(tmp_path / "recorded") as store:
            store.add("okx", row)
    held = [Position("BTC", "long", 1.0, 8e4, 7e4, 10.0, "cross")]
    with positions.open_store(tmp_path / "seen", "hyperliquid") as store:
        store.begin(1_769_817_600)
        store.add(store.account("0xa"), held)
    with positions.open_store(tmp_path / "seen", "hyperliquid") as store:
        assert store.answers, "a pass goes on"
        store.add(store.account("0xb"), held)
        store.finish({"BTC": 2.0})
    assert len(liq.read_positions(tmp_path / "seen").rows) == 2
    now, target = pd.Timestamp("2026-09-01", tz="UTC"), tmp_path / "scan.parquet"
    with ScanJournal(target, {"source": "gate"}, pd.Timedelta("5min"), now) as journal:
        write_scan(pd.DataFrame({"symbol": ["BTC"]}), target, {})
        assert b"\r" not in journal.path.read_bytes()
        journal.remove()
    assert not (tmp_path / "scan.parquet.journal").exists()
    found = names(tmp_path)
    assert len(found) > 15
    assert [name for name in found if not LEGAL.fullmatch(name)] == []


@pytest.mark.parametrize("name", ["a:b.csv", "COM1.txt", "nul", "x. .", "", "..", 'a"<>|?*\\/\n', "Ünï 1.csv"])
def test_any_name_can_be_made_legal(name):
    legal = system.legal_name(name)
    assert LEGAL.fullmatch(legal)
    assert not re.match(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)", legal)
    assert system.legal_name(legal) == legal


@needs_proc
def test_a_recorder_goes_on_while_a_days_file_is_open_elsewhere(windows, tmp_path, monkeypatch):
    monkeypatch.setattr(system, "REPLACE_WAITS", (0.001,))
    said: list[str] = []
    row = recorder.Liquidation(5, "BTC/USDT:USDT", "long", 10.0, 2.0, 20.0)
    with recorder.open_store(tmp_path) as store:
        store.add("okx", row)
        recorder.write_pending(store, True, said.append)
        path = recorder.day_file(tmp_path, recorder.LIQUIDATIONS, "okx", 0)
        with open(path, "rb"):
            store.add("okx", row._replace(time=6))
            recorder.write_pending(store, True, said.append)
            assert len(said) == 1
            assert "open in another program" in said[0]
            assert (tmp_path / "journal").read_bytes().count(b"\n") == 1
        recorder.write_pending(store, True, said.append)
        assert len(recorder.read_day(path)) == 2
        monkeypatch.setattr(recorder, "read_day", fail_with(errno.EACCES))
        store.add("okx", row._replace(time=7))
        recorder.write_pending(store, True, said.append)
        assert len(said) == 2, "a file that another program keeps to itself is not put aside"
        monkeypatch.undo()
    assert len(recorder.read_day(path)) == 3
    monkeypatch.setattr(system, "WINDOWS", False)
    store.settle = fail_with(errno.EACCES)
    with pytest.raises(PermissionError):
        recorder.write_pending(store, True, said.append)


def test_a_reader_that_left_is_no_failure(monkeypatch, capsys):
    class Gone(io.StringIO):
        def write(self, text):
            raise OSError(errno.EINVAL, "Invalid argument")

    for windows, code in ((True, 0), (False, 1)):
        monkeypatch.setattr(system, "WINDOWS", windows)
        monkeypatch.setattr(sys, "stdout", Gone())
        assert main(["zones", "--source", "simulated"]) == code
    assert not system.reader_is_gone(OSError(errno.EINVAL, "Invalid argument", "a:b"))


def test_a_scan_has_as_many_processes_as_the_system_can_wait_for(monkeypatch, capsys):
    monkeypatch.setattr(system, "WINDOWS", True)
    assert executors.process_pool(128)._max_workers == 61
    assert executors.process_pool(3)._max_workers == 3
    assert main(["scan", "--source", "simulated", "--top", "1", "--workers", "62"]) == 2
    assert "--workers must be 61 at most on Windows" in capsys.readouterr().err
    monkeypatch.setattr(system, "WINDOWS", False)
    assert executors.process_pool(128)._max_workers == 128


@pytest.mark.parametrize("error", [OSError("no such library"), AttributeError("mallopt")])
def test_another_c_library_has_nothing_to_set(monkeypatch, error):
    def absent(name):
        raise error

    monkeypatch.setattr(ctypes, "CDLL", absent)
    process_memory.use_few_heaps.__wrapped__()
    process_memory.return_freed_memory()
