"""Lighter's accounts: found in trades and orders, asked one by one, kept like Hyperliquid's beside them."""

from __future__ import annotations

import threading

import pytest

import liq
from liq.positions import COLUMNS
from liq.sources.positions import collect
from liq.sources.positions.accounts import addresses_in_file
from liq.sources.positions.asking.found import Found
from liq.sources.positions.asking.requests import Plan
from liq.sources.positions.reader import collected_venues, read_positions, read_snapshot, snapshot_files
from liq.sources.positions.snapshots import SCHEMA
from liq.sources.positions.storage import open_store
from liq.sources.positions.venues.lighter import ACCOUNT, parse_account
from liq.sources.positions.venues.table import POSITION_VENUES
from liq.sources.venues import client
from liq.sources.venues.failures import RetryBudget, VenueFailure
from tests.sources.positions.passes import one_pass
from tests.venue_server import formula
from tests.venue_server.venues import lighter
from tests.venue_server.wire import now_ms

FIRST = lighter.FIRST_ACCOUNT
VENUE = POSITION_VENUES["lighter"]
ORDERS = Plan(find=("orders",))


def collected(folder, plan=ORDERS):
    """Run one pass and return its snapshot's rows and metadata."""
    connection = client.connect("lighter")
    client.contracts(connection, RetryBudget(5.0, 2))
    with open_store(folder, "lighter") as store:
        found = Found()
        if VENUE.list_name in plan.find:
            collect.add_listed(connection, VENUE, plan, found, print)
        for account in plan.own:
            found.add(account)
        assert one_pass(connection, store, found, plan)
    return read_snapshot(snapshot_files(folder, "lighter")[-1])


def test_a_pass_keeps_what_the_accounts_of_trades_and_orders_hold(venues, tmp_path):
    rows, said = collected(tmp_path)
    numbers = {int(number) for number in venues.knobs.asked}
    assert numbers == {*range(FIRST, FIRST + 40), *range(FIRST + 100, FIRST + 150)}
    assert said["asked"] == said["answered"] == len(numbers)
    assert len(rows) == sum((n % 3 == 1) + (n % 5 == 1) for n in numbers), "what has no size is no position"
    assert set(rows["coin"]) == {"BTC", "ETH"}
    assert rows["liquidation_price"].isna().any(), "where the venue says 0 there is none"
    assert set(rows["margin"]) == {"cross", "isolated"}
    assert set(rows["leverage"].round()) <= {3, 5, 10, 20, 50}
    now = formula.interest("lighter", "BTC", now_ms())
    assert said["open_interest"]["BTC"] == pytest.approx(now, rel=0.01)
    content = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert not set(rows["account"]) & {str(number) for number in numbers}
    # of twelve digits: four would stand in the hash of some account by chance
    assert not [number for number in numbers if str(number).encode() in content], "no number is written"


def test_those_with_the_most_dollars_are_asked_first(venues, tmp_path):
    collected(tmp_path)
    first = {int(number) for number in venues.knobs.asked[:20]}
    assert all(number >= FIRST + 100 for number in first), (
        "the owners of resting orders, which are larger than the trades"
    )


def test_two_venues_in_one_folder_are_told_apart(venues, tmp_path):
    collected(tmp_path)
    assert read_positions(tmp_path).source == "lighter", "the only one there"
    connection = client.connect("hyperliquid")
    client.contracts(connection, RetryBudget(5.0, 2))
    with open_store(tmp_path, "hyperliquid") as store, open_store(tmp_path, "lighter") as other:
        assert store.salt == other.salt
        found = Found()
        plan = Plan(find=("leaderboard",), most=40)
        collect.add_listed(connection, POSITION_VENUES["hyperliquid"], plan, found, print)
        assert one_pass(connection, store, found, plan)
    assert collected_venues(tmp_path) == ["hyperliquid", "lighter"]
    assert read_positions(tmp_path).source == "hyperliquid"
    assert liq.read_positions(tmp_path, source="lighter").source == "lighter"
    with pytest.raises(liq.InputError, match="no positions of okx, but of hyperliquid and lighter"):
        read_positions(tmp_path, source="okx")


def test_accounts_of_ones_own_are_numbers(venues, tmp_path):
    file = tmp_path / "mine.csv"
    one, other = str(FIRST + 201), str(FIRST + 204)
    file.write_text(f"account,note\n{one},largest 5000\n {other} \nnot 77\n{one}\n", encoding="utf-8")
    own = addresses_in_file(str(file), ACCOUNT, VENUE.looks)
    assert own == [one, other]
    collected(tmp_path / "seen", Plan(find=("stream",), own=tuple(own)))
    assert venues.knobs.asked == own
    file.write_text("none here", encoding="utf-8")
    with pytest.raises(liq.InputError, match="names no account: a number, one a line"):
        addresses_in_file(str(file), ACCOUNT, VENUE.looks)


@pytest.mark.parametrize("mode", ["429", "html", "cut", "503", "empty", "reset"])
def test_a_fault_in_passing_costs_nothing_that_was_known(venues, tmp_path, mode):
    first, _ = collected(tmp_path)
    venues.fail("lighter", mode, only="/account")
    threading.Timer(0.05, venues.heal).start()
    rows, said = collected(tmp_path)
    assert len(rows) == len(first)
    assert said["answered"] + said["failed"] == said["asked"]


def test_answers_about_accounts_make_no_sense_in_many_ways():
    good = lighter.account(FIRST + 106, type("Knobs", (), {"account_fails": 0})())[1]
    assert parse_account(good, str(FIRST + 106))[0].coin == "ETH"
    with pytest.raises(VenueFailure, match="another account"):
        parse_account(good, str(FIRST + 107))
    nothing = (None, [], {}, {"accounts": None}, {"accounts": []}, {"accounts": [{"account_index": 1}]}, "<html>")
    for answer in nothing:
        with pytest.raises(VenueFailure):
            parse_account(answer, "1")
    row = good["accounts"][0]["positions"][-1]
    changes = ({"position": "x"}, {"sign": 0}, {"avg_entry_price": "0"}, {"margin_mode": 7}, {"symbol": ""})
    spoiled = [{**row, **change} for change in (*changes, {"initial_margin_fraction": "0"}, {"position": "nan"})]
    assert parse_account({"accounts": [{"index": 5, "positions": [*spoiled, None, 3]}]}, "5") == []
    level = parse_account({"accounts": [{"index": 5, "positions": [{**row, "liquidation_price": "-1"}]}]}, "5")[0]
    assert level.liquidation_price is None


def test_a_snapshots_columns_are_those_of_positions():
    assert SCHEMA.names == [*COLUMNS, "answered"]
