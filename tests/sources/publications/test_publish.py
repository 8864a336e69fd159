"""Publishing: what others read is what was collected, and it gives nobody away."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

import liq
from liq.__main__ import main
from liq.sources.positions import publish as publishing
from liq.sources.positions.index import INDEX
from liq.sources.positions.publish import publish
from liq.sources.positions.reader import snapshot_files
from tests.sources.publications.publications import (
    COINS,
    NEWEST,
    address,
    collect,
    collected_rows,
    hours,
    published_times,
    read_index,
    tree,
)


def test_what_is_published_is_what_was_collected(tmp_path):
    collect(tmp_path / "seen", hours(30))
    index = publish(tmp_path / "seen", tmp_path / "public")
    assert index == read_index(tmp_path / "public")
    assert published_times(index) == hours(30)
    assert index.coins == tuple(sorted(COINS))
    assert {(one.asked, one.answered, one.failed) for file in index.files for one in file.snapshots} == {(8, 8, 0)}
    there, here = liq.read_positions(str(tmp_path / "public")), liq.read_positions(tmp_path / "seen")
    order = ["time", "coin", "side", "coins"]
    numbers = [*order, "entry", "liquidation_price", "leverage", "margin"]
    published, collected = (
        found.rows.sort_values(order, ignore_index=True)[numbers].astype({"time": "datetime64[ns, UTC]"})
        for found in (there, here)
    )
    pd.testing.assert_frame_equal(published, collected)
    assert there.source == "hyperliquid"
    assert there.share_seen("BTC") == pytest.approx(here.share_seen("BTC"))
    assert there.rows.groupby("account")["time"].nunique().eq(30).all(), "an account can be followed"


def test_nothing_published_gives_an_account_away(tmp_path):
    for folder in ("seen", "other"):
        collect(tmp_path / folder, hours(30))
        publish(tmp_path / folder, tmp_path / f"{folder}-public")
        salt = (tmp_path / folder / "salt").read_bytes()
        secrets = [salt, bytes.fromhex(salt.decode()), publishing._publishing_salt(tmp_path / folder)]
        secrets += [secret.hex().encode() for secret in secrets[1:]]
        secrets += [name.encode() for name in collected_rows(tmp_path / folder)["account"].unique()]
        secrets += [address(number).encode() for number in range(8)]
        for file in (tmp_path / f"{folder}-public").iterdir():
            content = file.read_bytes()
            rows = b"" if file.name == INDEX else pd.read_parquet(file).to_csv().encode()  # pages are packed
            assert not [secret for secret in secrets if secret in content or secret in rows], file.name
    mine, theirs = (liq.read_positions(str(tmp_path / f"{name}-public")).rows for name in ("seen", "other"))
    assert not set(mine["account"]) & set(theirs["account"]), "two publications cannot be joined"
    assert not set(mine["account"]) & set(collected_rows(tmp_path / "seen")["account"])


def test_publishing_again_changes_nothing_and_removes_nothing_of_others(tmp_path):
    collect(tmp_path / "seen", hours(30))
    public = tmp_path / "public"
    public.mkdir()
    for name in ("README.md", "mine.parquet", "CNAME"):
        (public / name).write_text("mine", encoding="utf-8")
    publish(tmp_path / "seen", public)
    before = {path: path.stat().st_mtime_ns for path in public.iterdir()}
    content = tree(public)
    publish(tmp_path / "seen", public)
    assert {path: path.stat().st_mtime_ns for path in public.iterdir()} == before
    collect(tmp_path / "seen", [NEWEST + pd.Timedelta(hours=1)])
    publish(tmp_path / "seen", public)
    assert content.items() - tree(public).items() == {(INDEX, content[INDEX])}


def test_publishing_along_the_way_ends_with_the_same_files(tmp_path):
    every = hours(60)
    for number in range(0, 60, 7):
        collect(tmp_path / "seen", every[number : number + 7])
        index = publish(tmp_path / "seen", tmp_path / "public")
    assert index == publish(tmp_path / "seen", tmp_path / "at-once")
    assert len(list((tmp_path / "public").iterdir())) <= 2 * len(index.files) + 1


def test_a_reader_with_the_index_before_still_finds_its_files(tmp_path):
    collect(tmp_path / "seen", hours(3, NEWEST.normalize() - pd.Timedelta(hours=1)))
    before = publish(tmp_path / "seen", tmp_path / "public")
    collect(tmp_path / "seen", [NEWEST])
    publish(tmp_path / "seen", tmp_path / "public")
    assert all((tmp_path / "public" / file.name).exists() for file in before.files)
    collect(tmp_path / "seen", [NEWEST + pd.Timedelta(hours=1)])
    publish(tmp_path / "seen", tmp_path / "public")
    assert not any((tmp_path / "public" / file.name).exists() for file in before.files)


def test_history_stays_where_the_collector_has_lost_it(tmp_path):
    collect(tmp_path / "seen", hours(40))
    whole = publish(tmp_path / "seen", tmp_path / "public")
    for path in snapshot_files(tmp_path / "seen")[:-1]:
        path.unlink()
    assert publish(tmp_path / "seen", tmp_path / "public") == whole
    collect(tmp_path / "seen", [NEWEST + pd.Timedelta(hours=1)])
    assert published_times(publish(tmp_path / "seen", tmp_path / "public"))[:-1] == published_times(whole)
    read_index(tmp_path / "public")


def test_another_salt_begins_anew(tmp_path):
    collect(tmp_path / "seen", hours(5))
    before = publish(tmp_path / "seen", tmp_path / "public")
    shutil.rmtree(tmp_path / "seen")
    collect(tmp_path / "seen", [NEWEST + pd.Timedelta(hours=1)])
    index = publish(tmp_path / "seen", tmp_path / "public")
    assert published_times(index) == [NEWEST + pd.Timedelta(hours=1)]
    assert index.accounts != before.accounts


def test_what_cannot_be_published_is_one_sentence(tmp_path):
    with pytest.raises(liq.InputError, match="no folder of a collector"):
        publish(tmp_path / "nowhere", tmp_path / "public")
    collect(tmp_path / "seen", [])
    with pytest.raises(liq.InputError, match="holds no snapshot"):
        publish(tmp_path / "seen", tmp_path / "public")
    collect(tmp_path / "seen", hours(1))
    for to in (tmp_path / "seen", tmp_path):
        with pytest.raises(liq.InputError, match="with its salt"):
            publish(tmp_path / "seen", to)
    publish(tmp_path / "seen", tmp_path / "public")
    snapshots = tmp_path / "seen" / "positions"
    (snapshots / "venue=hyperliquid").rename(snapshots / "venue=another")
    with pytest.raises(liq.InputError, match="holds positions of hyperliquid"):
        publish(tmp_path / "seen", tmp_path / "public", "another")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(liq.InputError, match="cannot be written"):
        publish(tmp_path / "seen", tmp_path / "file", "another")


def test_a_damaged_snapshot_is_passed_over_and_a_damaged_publication_is_made_whole(tmp_path):
    collect(tmp_path / "seen", hours(30))
    snapshot_files(tmp_path / "seen")[3].write_bytes(b"PAR1 and nothing more")
    index = publish(tmp_path / "seen", tmp_path / "public")
    assert published_times(index) == hours(30)[:3] + hours(30)[4:]
    (tmp_path / "public" / index.files[-1].name).write_bytes(b"torn")
    assert publish(tmp_path / "seen", tmp_path / "public") == index
    (tmp_path / "public" / INDEX).write_bytes(b"{")
    assert publish(tmp_path / "seen", tmp_path / "public") == index
    read_index(tmp_path / "public")


def test_what_is_too_large_loses_its_oldest_files(tmp_path, monkeypatch):
    collect(tmp_path / "seen", hours(24 * 20))
    whole = publish(tmp_path / "seen", tmp_path / "whole")
    monkeypatch.setattr(publishing, "MAX_PUBLISHED_BYTES", sum(file.size for file in whole.files[:-2]))
    assert publish(tmp_path / "seen", tmp_path / "public").files == whole.files[:-2]


def test_the_command_publishes_after_each_pass(venues, tmp_path, capsys):
    venues.knobs.accounts = 40
    words = ["positions", "--once", "--find", "leaderboard", "--to", str(tmp_path / "seen")]
    assert main([*words, "--publish", str(tmp_path / "public")]) == 0
    index = read_index(tmp_path / "public")
    assert index.files[0].rows == len(collected_rows(tmp_path / "seen"))
    assert "1 files" in capsys.readouterr().err
    assert main([*words, "--publish", str(tmp_path)]) == 2
    assert "with its salt" in capsys.readouterr().err


def test_an_address_of_others_is_no_folder_to_collect_into(monkeypatch):
    from liq.__main__ import _parser

    monkeypatch.setenv("LIQ_POSITIONS", "https://example.org/liq/")
    assert _parser(["positions"]).parse_args(["positions"]).to == "positions"
    monkeypatch.setenv("LIQ_POSITIONS", "mine")
    assert _parser(["positions"]).parse_args(["positions"]).to == "mine"
