"""Publications that are not what they say, of the future, or older than before."""

from __future__ import annotations

import json
from collections.abc import Callable

import pandas as pd
import pytest

from liq.errors import SourceError
from liq.sources.file_worker.published import published_positions
from liq.sources.positions import remote
from liq.sources.positions.index import INDEX
from tests.clock import NOW
from tests.sources.publications.hosts import cached, expire, forget, is_sentence, publish_more
from tests.sources.publications.publications import NEWEST, hours
from tests.static_host import StaticHost


def lie(host: StaticHost, change: Callable[[pd.DataFrame], pd.DataFrame], **entry: object) -> None:
    """Let the newest file be another table, which the index names by its right hash."""
    import hashlib

    index = json.loads((host.folder / INDEX).read_text(encoding="utf-8"))
    newest = index["files"][0]
    rows = pd.read_parquet(host.folder / newest["file"])
    (host.folder / newest["file"]).unlink()
    newest["file"] = "lie.parquet"
    change(rows).to_parquet(host.folder / "lie.parquet")
    content = (host.folder / "lie.parquet").read_bytes()
    newest |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), **entry}
    (host.folder / INDEX).write_text(json.dumps(index), encoding="utf-8")


LIES = {
    "lacks the column 'margin'": lambda rows: rows.drop(columns="margin"),
    "lacks the column 'time'": lambda rows: pd.DataFrame({"open": range(len(rows))}),
    "where its index says": lambda rows: rows.iloc[1:],
    "other times": lambda rows: rows.assign(time=rows["time"] - pd.Timedelta(days=1)),
    "is no Parquet file": lambda rows: rows.assign(time="soon"),
    "which its index lacks": lambda rows: rows.assign(coin="FOO"),
    "coins must be positive": lambda rows: rows.assign(coins=-1.0),
    "side must be long or short": lambda rows: rows.assign(side="up"),
    "liquidation_price must be": lambda rows: rows.assign(liquidation_price=float("inf")),
    "a number cannot be read": lambda rows: rows.assign(entry="many"),
}


@pytest.mark.parametrize("said", LIES)
def test_a_file_that_is_not_what_its_index_says_is_left_out_and_not_kept(host, said):
    lie(host, LIES[said])
    found = published_positions(host.url)
    assert found.times.tolist() == hours(48)[:-1]
    (note,) = found.notes
    assert said in note
    assert is_sentence(note)
    index = json.loads((host.folder / INDEX).read_text(encoding="utf-8"))
    assert not [name for name in cached(host) if index["files"][0]["sha256"] in name]


def test_snapshots_of_the_future_are_left_out_and_said(host, monkeypatch):
    monkeypatch.setattr(remote, "utc_now", lambda: NEWEST - pd.Timedelta(hours=3))
    found = published_positions(host.url, "BTC")
    assert found.times.tolist() == hours(48)[:-3]
    assert "in the future" in found.notes[0]
    monkeypatch.setattr(remote, "utc_now", lambda: NOW)
    forget()
    assert published_positions(host.url, "BTC").times.tolist() == hours(48), "they are read when their time has come"


def test_a_publication_of_the_future_alone_is_refused(host, monkeypatch):
    monkeypatch.setattr(remote, "utc_now", lambda: NEWEST - pd.Timedelta(days=9))
    with pytest.raises(SourceError, match="are of the future"):
        published_positions(host.url, "BTC")
    assert cached(host) == {}


def test_an_older_state_than_before_is_said_and_not_used(host, seen):
    before = {path.name: path.read_bytes() for path in host.folder.iterdir()}
    publish_more(host, NEWEST + pd.Timedelta(minutes=4))
    new = published_positions(host.url, "BTC")
    kept = cached(host)
    for name, content in before.items():
        (host.folder / name).write_bytes(content)
    for known in (expire, lambda _: forget()):
        known(host)
        found = published_positions(host.url, "BTC")
        assert "older state" in found.notes[0]
        assert found.times[-1] == new.times[-1]
        assert cached(host) == kept


def test_an_index_whose_files_are_all_wrong_does_not_replace_the_one_before(host):
    good = published_positions(host.url, "BTC", since=NEWEST)
    kept = cached(host)
    publish_more(host, NEWEST + pd.Timedelta(minutes=4))
    expire(host)
    host.fail("other", only=".parquet")
    found = published_positions(host.url, "BTC", since=NEWEST)
    assert found.rows is good.rows
    assert "is shown" in found.notes[0]
    assert cached(host) == kept


CHANGES: dict[str, Callable[[dict], object]] = {
    "no schema": lambda index: index.pop("schema"),
    "another schema": lambda index: index.update(schema="liq.positions/2"),
    "no files": lambda index: index.update(files=[]),
    "files of another kind": lambda index: index.update(files={"a": 1}),
    "a file of another kind": lambda index: index.update(files=[1]),
    "many files": lambda index: index.update(files=index["files"] * 200),
    "a file twice": lambda index: index.update(files=index["files"][:1] * 2),
    "many coins": lambda index: index.update(coins=["BTC"] * 3000),
    "a coin of another kind": lambda index: index.update(coins=["<b>"]),
    "a venue of another kind": lambda index: index.update(venue="../x"),
    "a folder above": lambda index: index["files"][0].update(file="../salt.parquet"),
    "a folder below": lambda index: index["files"][0].update(file="a/b.parquet"),
    "another address": lambda index: index["files"][0].update(file="https://example.org/a.parquet"),
    "another host": lambda index: index["files"][0].update(file="//example.org/a.parquet"),
    "a question": lambda index: index["files"][0].update(file="a.parquet?b.parquet"),
    "a hidden file": lambda index: index["files"][0].update(file=".a.parquet"),
    "a name of another kind": lambda index: index["files"][0].update(file=7),
    "a short hash": lambda index: index["files"][0].update(sha256="ab"),
    "a large file": lambda index: index["files"][0].update(bytes=10**12),
    "a negative size": lambda index: index["files"][0].update(bytes=-1),
    "a size of another kind": lambda index: index["files"][0].update(bytes=True),
    "no snapshot": lambda index: index["files"][0].update(snapshots=[]),
    "a time of another kind": lambda index: index["files"][0]["snapshots"][0].update(time="now"),
    "no such day": lambda index: index["files"][0]["snapshots"][0].update(time="2026-02-31T00:00:00Z"),
    "many rows": lambda index: index["files"][0]["snapshots"][0].update(rows=10**9),
    "a snapshot twice": lambda index: index["files"][0].update(snapshots=index["files"][0]["snapshots"] * 2),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_index_that_is_out_of_bounds_is_refused_before_any_file_is_asked_for(host, change):
    index = json.loads((host.folder / INDEX).read_text(encoding="utf-8"))
    CHANGES[change](index)
    (host.folder / INDEX).write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        published_positions(host.url)
    assert is_sentence(str(caught.value)), str(caught.value)
    assert host.asked() == [INDEX]
    assert cached(host) == {}


@pytest.mark.parametrize("text", [b"", b"[" * 500_000, b"9" * 500_000, b"null", b'"\xff"', b'{"files": NaN}'])
def test_an_index_of_no_known_kind_is_refused(host, text):
    (host.folder / INDEX).write_bytes(text)
    with pytest.raises(SourceError) as caught:
        published_positions(host.url)
    assert is_sentence(str(caught.value)), str(caught.value)
