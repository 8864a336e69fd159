"""Accounts that have just traded are asked again first, within bounds; what they hold enters the next snapshot."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liq.sources.positions import collect
from liq.sources.positions.asking import requests
from liq.sources.positions.asking.found import LATELY, SPACING, TOO_LATE, Found, listen
from liq.sources.positions.asking.requests import AT_ONCE, Plan, Requests, wait_for_trades
from liq.sources.positions.reader import read_snapshot, snapshot_files
from liq.sources.positions.storage import open_store
from liq.sources.positions.venues.table import POSITION_VENUES
from liq.sources.rate_limit import RateLimit, limits_within
from liq.sources.venues import client, failures
from liq.sources.venues.failures import RetryBudget
from tests.sources.positions.passes import one_pass
from tests.sources.recorder.recording import wait_for
from tests.venue_server.venues import hyperliquid_accounts, lighter

trades = st.lists(st.tuples(st.floats(0, 3), st.sampled_from("abcde"), st.floats(0, 1e6)), max_size=120)


@given(trades)
def test_no_account_is_asked_more_often_than_allowed_and_none_that_did_not_trade(steps):
    found, now, asked, traded = Found(), 0.0, dict[str, list[float]](), dict[str, float]()
    for wait, account, usd in steps:
        now += wait
        found.trade(account, usd, now=now)
        traded[account] = now
        for name in found.due(2, now=now):
            assert name in traded
            before = asked.setdefault(name, [])
            assert not before or now - before[-1] >= SPACING
            assert not before or traded[name] >= before[-1], "it traded since it was asked"
            before.append(now)
    for moments in asked.values():
        assert len(moments) <= 1 + (2 * now / SPACING) ** 0.5 + now / LATELY, "less and less often"


@given(st.floats(0, 10), st.floats(0, SPACING))
def test_a_trade_is_due_within_ten_seconds(start, pause):
    found = Found()
    found.trade("a", 1.0, now=start)
    assert found.due(1, now=start) == ["a"]
    found.trade("a", 1.0, now=start + pause)
    assert found.due(1, now=start + pause + 10) == ["a"], "again, once"
    assert found.due(1, now=start + pause + 30) == []


def test_the_largest_come_first_and_what_waited_too_long_is_left_to_the_passes():
    found = Found()
    for name, usd in (("small", 1.0), ("large", 9.0), ("medium", 5.0)):
        found.trade(name, usd, now=0.0)
    assert found.due(2, now=1.0) == ["large", "medium"]
    assert found.due(2, now=TOO_LATE + 1.0) == []
    assert found.copy()[0] == "large"
    assert "small" in found.copy()


def moment_of(venues, account: str, count: int) -> int:
    """Return the place in the order of requests at which an account was asked for the last time."""
    assert venues.knobs.asked.count(account) == count
    return len(venues.knobs.asked) - venues.knobs.asked[::-1].index(account)


@pytest.mark.parametrize("source", ["hyperliquid", "lighter"])
def test_in_a_pass_it_comes_before_the_rest_and_the_pass_goes_on(venues, tmp_path, source):
    venues.knobs.accounts = 2000
    venue, connection = POSITION_VENUES[source], client.connect(source)
    client.contracts(connection, RetryBudget(5.0, 2))
    name = (
        hyperliquid_accounts.address
        if source == "hyperliquid"
        else lambda number: str(lighter.FIRST_ACCOUNT + 1000 + number)
    )
    found, stop = Found(), threading.Event()
    for number in range(300):
        found.add(name(number), 1e6 - number)
    last = name(299)
    with open_store(tmp_path, source) as store:
        venues.latency = 0.005
        listener = listen(venue, ("BTC",), found, stop)
        try:
            wire = wait_for(lambda: next((w for w in venues.wires if w.venue == source and w.topics), None))
            started = threading.Thread(
                target=one_pass,
                args=(connection, store, found, Plan(find=("stream",))),
            )
            started.start()
            wait_for(lambda: len(venues.knobs.asked) >= 20)
            before = len(venues.knobs.asked)
            if source == "hyperliquid":
                wire.tell(hyperliquid_accounts.trade("BTC", 299, 298))
            else:
                wire.tell(lighter.told("BTC", lighter.trade("BTC", int(name(299)), int(name(298)))))
            wait_for(lambda: last in venues.knobs.asked)
            started.join()
        finally:
            stop.set()
            listener.join()
            venues.latency = 0.0
    place = moment_of(venues, last, 1)
    assert place - before < 150, "long before its turn, the 300th"
    assert len(venues.knobs.asked) == 300, "and nobody twice"
    assert len(read_snapshot(snapshot_files(tmp_path, source)[-1])[0]) > 10


def test_between_passes_the_fresh_state_enters_a_snapshot_and_one_trade_is_one_request(venues, tmp_path, monkeypatch):
    monkeypatch.setattr(requests, "LATER", 0.2)
    monkeypatch.setattr(requests, "STATUS_SECONDS", 0.0)
    connection = client.connect("hyperliquid")
    client.contracts(connection, RetryBudget(5.0, 2))
    found, account = Found(), hyperliquid_accounts.address(301)
    for number in range(290, 320):
        found.add(hyperliquid_accounts.address(number))
    with open_store(tmp_path, "hyperliquid") as store:
        asking = Requests(connection, store, Plan(), found, print)
        assert collect.ask_all(asking, 900.0, threading.Event())
        [whole] = snapshot_files(tmp_path)
        before, _ = read_snapshot(whole)
        time.sleep(1.1)  # a snapshot is named by its second
        venues.knobs.accounts_changed = True
        found.trade(account, 5e4)
        wait_for_trades(asking, time.time() + 1.5, threading.Event())
        asking.close()
        name = store.account(account)
    assert venues.knobs.asked.count(account) == 2
    newest = snapshot_files(tmp_path)[-1]
    assert newest != whole
    rows, said = read_snapshot(newest)
    assert said["partial"]
    assert said["asked"] == 1
    assert len(rows) == len(before), "accounts that were not asked are not empty"
    own, others = rows[rows["account"] == name], rows[rows["account"] != name]
    assert (own["answered"] > before["time"].iloc[0]).all()
    assert (others["answered"] <= before["time"].iloc[0]).all(), "and keep the time of their answer"
    bitcoins = [
        frame.loc[frame["coin"] == "BTC", "coins"].sum() for frame in (before[before["account"] == name], own)
    ]
    assert bitcoins[1] == pytest.approx(2 * bitcoins[0])


@pytest.mark.parametrize("source", ["hyperliquid", "lighter"])
def test_with_many_trades_the_venues_limit_is_kept_at_sixty_times_its_speed(venues, tmp_path, monkeypatch, source):
    """An hour takes a minute: every window of a second may have what the venue allows within a minute."""
    connection, speed = client.connect(source), 60.0
    client.contracts(connection, RetryBudget(5.0, 2))
    weight, allowed = (2, 1200) if source == "hyperliquid" else (1, 60)
    [limit] = limits_within(5.0, connection.venue.limits)
    connection.rate_limit = RateLimit([limit._replace(seconds=limit.seconds / speed)])
    monkeypatch.setattr(failures, "RETRY_POLICY", failures.RETRY_POLICY._replace(spaced=True))
    name = (
        hyperliquid_accounts.address
        if source == "hyperliquid"
        else lambda number: str(lighter.FIRST_ACCOUNT + 1000 + number)
    )
    found = Found()
    for number in range(600 if source == "hyperliquid" else 60):
        found.add(name(number))
    over = threading.Event()

    def trade() -> None:
        number = 0
        while not over.wait(0.001):
            found.trade(name(number % 40), 10.0)
            number += 1

    trading = threading.Thread(target=trade)
    trading.start()
    try:
        with open_store(tmp_path, source) as store:
            assert one_pass(connection, store, found)
    finally:
        over.set()
        trading.join()
    moments = [moment for moment, _ in venues.knobs.weights]
    assert len(moments) > 50
    for row, moment in enumerate(moments):
        inside = sum(weight for other in moments[: row + 1] if other > moment - 60 / speed)
        assert inside <= allowed + weight * AT_ONCE
