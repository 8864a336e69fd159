"""Reading a publication at a URL: what is asked for, what is kept on disk, and for how long."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

import liq
from liq.errors import InputError
from liq.sources.file_worker.published import published_folder, published_positions
from liq.sources.positions import remote
from liq.sources.positions.index import INDEX
from tests.clock import NOW
from tests.served import ROOT
from tests.sources.publications.hosts import cached, expire, forget, publish_more
from tests.sources.publications.publications import NEWEST, hours


def test_what_is_published_is_read_once_and_then_only_asked_whether_it_holds(host):
    found = liq.read_positions(host.url)
    assert found.times.tolist() == hours(48)
    assert found.notes == ()
    pd.testing.assert_frame_equal(found.rows, published_folder(host.folder).rows)
    assert sorted(host.asked()) == sorted(path.name for path in host.folder.iterdir())
    assert liq.read_positions(host.url) is found, "within a minute nobody is asked"
    assert len(host.asked(INDEX)) == 1
    host.log = []
    forget()
    again = liq.read_positions(host.url)
    assert [(request.path, request.status) for request in host.log] == [("/index.json", 304)]
    pd.testing.assert_frame_equal(again.rows, found.rows)
    pd.testing.assert_frame_equal(again.passes, found.passes)
    pd.testing.assert_frame_equal(again.open_interest, found.open_interest)


def test_of_something_new_only_the_new_is_loaded(host):
    liq.read_positions(host.url)
    host.log = []
    publish_more(host, NEWEST + pd.Timedelta(minutes=4))
    expire(host)
    assert len(liq.read_positions(host.url).times) == 48, "the last hour's snapshot is another one"
    assert [name[:13] for name in host.asked()] == ["index.json", f"{NEWEST:%Y-%m-%dT%H}"]


def test_a_window_and_a_coin_need_part_of_it(host):
    since = NEWEST - pd.Timedelta(hours=2, minutes=30)
    found = liq.read_positions(host.url, "BTC", since=since)
    assert found.coins == ["BTC"]
    assert found.times.tolist() == hours(4), "the last one before it is part of it"
    assert len(host.asked(".parquet")) == 4
    assert found.snapshot("BTC", since)["time"].iloc[0] <= since
    assert found.share_seen("BTC") > 0
    assert len(host.asked(INDEX)) == 1


def test_of_a_coin_that_nobody_holds_the_newest_snapshot_of_the_others_is_read(host):
    found = published_positions(host.url, "DOGE")
    assert "DOGE" not in found.coins
    assert found.times.tolist() == [NEWEST]
    assert len(host.log) == 2
    assert published_positions(host.url, "DOGE") is found
    index = json.loads((host.folder / INDEX).read_text(encoding="utf-8"))
    index["coins"].append("DOGE")  # published once, and held by nobody now
    (host.folder / INDEX).write_text(json.dumps(index), encoding="utf-8")
    expire(host)
    held = published_positions(host.url, "DOGE", since=NEWEST)
    assert held.rows is found.rows
    assert published_positions(host.url, "DOGE", since=NEWEST) is held
    assert liq.read_positions(str(host.folder), "DOGE").times.tolist() == [NEWEST]


def test_fifty_at_once_cost_one_request_a_file(host):
    with ThreadPoolExecutor(50) as pool:
        every = list(pool.map(lambda _: published_positions(host.url, "BTC"), range(50)))
    assert len(set(map(id, every))) == 1
    assert len(host.log) == len(list(host.folder.iterdir()))


def test_a_request_says_nothing_of_who_asks(host, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    liq.read_positions(host.url)
    assert {name for request in host.log for name in request.headers} <= {
        *("Host", "User-Agent", "Accept-Encoding", "If-None-Match"),
    }
    assert {request.headers["User-Agent"] for request in host.log} == {"liq"}


def test_what_is_on_disk_and_was_changed_is_loaded_again(host):
    whole = published_positions(host.url)
    folder = next((host.folder.parent / "cache" / "published").iterdir())
    for path in folder.glob("*.parquet"):
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    (folder / INDEX).write_bytes(b"{")
    forget()
    host.log = []
    pd.testing.assert_frame_equal(published_positions(host.url).rows, whole.rows)
    assert len(host.log) == len(list(host.folder.iterdir()))


def test_the_cache_is_bounded_and_forgets_what_is_no_longer_published(host, monkeypatch):
    published_positions(host.url)
    folder = next((host.folder.parent / "cache" / "published").iterdir())
    (folder / ".1-2-torn.parquet").write_bytes(b"torn")
    os.utime(folder / ".1-2-torn.parquet", (0, 0))
    publish_more(host, NEWEST + pd.Timedelta(minutes=4))
    expire(host)
    published_positions(host.url)
    names = {f"{file['sha256']}.parquet" for file in json.loads((host.folder / INDEX).read_bytes())["files"]}
    assert {path.name for path in folder.iterdir()} == {INDEX, *names}
    monkeypatch.setattr(remote, "MAX_DISK_BYTES", 50_000)
    forget()
    remote._prune(folder, names)
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 50_000
    assert len(published_positions(host.url).times) == 48


def test_without_a_cache_on_disk_it_is_read_all_the_same(host, monkeypatch):
    monkeypatch.setenv("LIQ_CACHE", "off")
    found = published_positions(host.url, "BTC")
    expire(host)
    host.fail("500")
    again = published_positions(host.url, "BTC")
    assert again.rows is found.rows
    assert "is shown" in again.notes[0]


READ = """
import sys
import pandas as pd
import liq
from liq.sources.positions import remote
remote.utc_now = lambda: pd.Timestamp(sys.argv[2])
print(len(liq.read_positions(sys.argv[1]).rows))
"""


def test_processes_that_read_at_once_keep_whole_files(host):
    host.latency = 0.05
    command = [sys.executable, "-c", READ, host.url, NOW.isoformat()]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(2)]
    assert [process.communicate()[0].split() for process in running] == [[b"384"], [b"384"]]
    kept = cached(host)
    assert len(kept) == len(list(host.folder.iterdir()))
    for name, sha256 in kept.items():
        assert Path(name).name in (INDEX, f"{sha256}.parquet")


def test_a_published_folder_on_disk_is_read_like_a_url(host):
    names = [file["file"] for file in json.loads((host.folder / INDEX).read_bytes())["files"]]
    (host.folder / names[0]).unlink()
    (host.folder / names[1]).write_bytes(b"PAR1")
    found = liq.read_positions(str(host.folder), "BTC", since=NEWEST - pd.Timedelta(hours=2))
    assert found.times.tolist() == hours(3)[:-2]
    assert "2 of 3 published files are missing" in found.notes[0]
    for path in host.folder.glob("*.parquet"):
        path.unlink()
    with pytest.raises(InputError, match="None of the"):
        liq.read_positions(str(host.folder))


def test_one_published_file_is_read_by_itself(host):
    path = next(host.folder.glob(f"day-{NEWEST - pd.Timedelta(days=1):%Y-%m-%d}*.parquet"))
    found = liq.read_positions(path)
    assert len(found.times) == 24
    assert found.passes["asked"].tolist() == [8] * 24
    assert found.share_seen("BTC") > 0
