"""Files and folders under any name: blanks, letters that are not ASCII, paths as Windows writes them, and no home."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path, PureWindowsPath

import pandas as pd
import pytest

import liq
from liq.__main__ import main
from liq.sources import disk_cache, fetch
from liq.sources.files.market_file import read_market
from liq.sources.positions import storage as positions
from liq.sources.positions.accounts import Position, addresses_in_file
from liq.sources.recorder import storage as recorder
from tests.served import write_recording

FOLDERS = ["Eigene Dateien (größer)", "データ 2026", "C:\\Users\\me\\my data", "100% & more; it's", "-dash"]


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    return write_recording(tmp_path_factory.mktemp("recording") / "btcusdt_5m.csv", days=3)


@pytest.fixture(params=FOLDERS)
def folder(request, tmp_path) -> Path:
    """A folder of such a name; with backslashes it is one name here, and four on Windows."""
    if not request.param.isascii() and sys.getfilesystemencoding() != "utf-8":
        pytest.skip("names of files are not UTF-8 here, and Arrow takes no others")
    place: Path = tmp_path / request.param
    place.mkdir()
    return place


def test_a_file_is_read_from_any_folder(folder, recording, monkeypatch, capsys):
    path = folder / "ETHUSDT 5m.csv"
    shutil.copy(recording, path)
    assert read_market(path, lookback="1d").base == "ETH"
    monkeypatch.setenv("LIQ_FILE", str(path))
    fetch.clear_caches()
    assert liq.fetch("ETH", "1d", "file").base == "ETH"
    assert main(["zones", "--file", str(path), "--lookback", "1d", "--output", str(folder / "zones.csv")]) == 0
    assert set(pd.read_csv(folder / "zones.csv")["symbol"]) == {"ETH/USDT:USDT"}


def test_a_path_that_leads_nowhere_is_said_as_it_was_written(monkeypatch):
    path = str(PureWindowsPath("C:/Users/me/no such file.csv"))
    monkeypatch.setenv("LIQ_FILE", path)
    with pytest.raises(liq.InputError) as refused:
        liq.fetch("BTC", "1d", "file")
    assert path in str(refused.value)


def test_stores_and_the_cache_work_in_any_folder(folder, monkeypatch):
    with recorder.open_store(folder / "recorded") as store:
        store.add("okx", recorder.Liquidation(5, "BTC/USDT:USDT", "long", 10.0, 2.0, 20.0))
    monkeypatch.setenv("LIQ_RECORDED", str(folder / "recorded"))
    assert len(pd.read_parquet(folder / "recorded" / "liquidations")) == 1
    with positions.open_store(folder / "seen", "hyperliquid") as seen:
        seen.begin(1_769_817_600)
        seen.add(seen.account("0xa"), [Position("BTC", "long", 1.0, 8e4, 7e4, 10.0, "cross")])
        seen.finish({"BTC": 2.0})
    assert len(liq.read_positions(folder / "seen").rows) == 1
    monkeypatch.setenv("LIQ_CACHE", str(folder / "cache"))
    disk_cache.write(("a",), [1], seconds=60)
    assert disk_cache.read(("a",)) == [1]
    assert (folder / "cache").is_dir()


@pytest.mark.skipif(os.name != "posix", reason="Windows knows every user's home")
def test_a_user_without_a_home_has_no_cache_and_gets_no_folder_named_so(monkeypatch, tmp_path):
    import pwd

    def unknown(number):
        raise KeyError(number)

    for name in ("HOME", "XDG_CACHE_HOME", "LIQ_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.chdir(tmp_path)
    assert disk_cache.folder() is None
    disk_cache.write(("a",), [1], seconds=60)
    assert disk_cache.read(("a",)) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_addresses_are_found_in_any_encoding(tmp_path, encoding):
    path = tmp_path / "größe.txt"
    path.write_text("für mich:\r\n0x" + "Ab" * 20 + "\r\n", encoding=encoding)
    assert addresses_in_file(str(path)) == ["0x" + "ab" * 20]
