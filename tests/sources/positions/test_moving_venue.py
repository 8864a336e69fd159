"""A venue whose accounts move: collected, killed, taken up again and drawn, against the venue's own truth.

Three quarters of an hour take twenty seconds: the local server's clock runs fast, and so does that of the collector's
process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

import liq
from liq.model.observed import Observed
from liq.sources import market_cache
from liq.sources.positions.reader import snapshot_files
from liq.sources.positions.storage import open_store
from tests.served import ROOT
from tests.sources.recorder.recording import wait_for
from tests.venue_server import VenueServer, moving
from tests.venue_server.moving import Life
from tests.venue_server.venues import hyperliquid_accounts

MINUTES, PACE = 45, 121.0
ACCOUNTS, NAMED = 600, 540
"""Accounts of the venue, and how many of them its leaderboard names."""

SIDE = {1: "long", -1: "short"}

FAILS = 40
"""One account in so many never answers."""

COMMAND = """
import sys, threading, time
began, first, pace = (float(word) for word in sys.argv[2:5])
real = time.time
time.time = lambda: min(first / 1000 + (real() - began) * pace, real())
from liq import system
from liq.__main__ import main
system.StopEvent.wait = lambda self, timeout: threading.Event.wait(self, timeout / pace)
from liq.sources.venues import failures
failures.RETRY_POLICY = failures.RetryPolicy(timeout=4.0, tries=2, backoff=0.0, budget=6.0, spaced=False)
sys.exit(main(["positions", "--every", "3m", "--find", "leaderboard", "--coins", "BTC,ETH", "--to", sys.argv[1]]))
"""


class Hour(NamedTuple):
    """What came of it: the positions in the folder, the map, each account's number by its hash, when the server was
    asked (UTC ms) for which account, and the times of the snapshots (UTC ms)."""

    positions: liq.Positions
    real: Observed
    numbers: dict[str, int]
    asked: list[tuple[int, int]]
    snapshots: np.ndarray

    def answers(self, snapshot: int) -> dict[int, int]:
        """Return when each account was last asked before a snapshot was written, whose time is in whole seconds."""
        return {number: at for at, number in self.asked if at < self.snapshots[snapshot] + 1000}

    def truth(self, snapshot: int) -> Iterator[tuple[Life, int]]:
        """Yield what the venue says that accounts held when they were asked for a snapshot, and when that was."""
        for number, at in self.answers(snapshot).items():
            one = moving.held(number, at) if number % hyperliquid_accounts.TRADES == 0 else None
            if one is not None:
                yield one, at

    def snapshot_of(self, end: int) -> int:
        """Return the number of the snapshot that holds for a bar that ends at a time (UTC ms); -1 for none."""
        return int(np.searchsorted(self.snapshots, end, side="right")) - 1


@pytest.fixture(scope="module")
def hour(tmp_path_factory) -> Hour:
    """The collector is killed after fourteen minutes and started again ten minutes later."""
    folder = tmp_path_factory.mktemp("seen")
    with pytest.MonkeyPatch.context() as patch, VenueServer() as server:
        server.knobs.accounts, server.knobs.account_fails = ACCOUNTS, FAILS
        clock = server.move(PACE, MINUTES)
        patch.setenv("LIQ_GATEWAY", server.url)
        patch.delenv("LIQ_FILE", raising=False)

        def collector() -> subprocess.Popen[bytes]:
            words = [str(folder), *(repr(float(number)) for number in clock)]
            return subprocess.Popen([sys.executable, "-c", COMMAND, *words], cwd=ROOT, env={**os.environ})

        def minutes() -> float:
            return (server.knobs.now() - clock.first) / 60_000

        process = collector()
        try:
            wait_for(lambda: minutes() > 14 and len(snapshot_files(folder)) > 2, seconds=60)
            asked = len(server.knobs.answered)
            wait_for(lambda: len(server.knobs.answered) > asked + 5, seconds=60)  # in the middle of a pass
            process.kill()
            process.wait()
            done = len(snapshot_files(folder))
            time.sleep(600 / PACE)
            process = collector()
            wait_for(lambda: minutes() > 43 and len(snapshot_files(folder)) > done + 2, seconds=90)
        finally:
            process.kill()
            process.wait()
        wait_for(lambda: server.knobs.now() >= int(time.time() * 1000) - 50, seconds=60)
        now = pd.Timestamp(server.knobs.now(), unit="ms", tz="UTC")
        patch.setattr(market_cache, "utc_now", lambda: now)
        market = liq.fetch("BTC", "12h", source="hyperliquid")
        positions = liq.read_positions(folder)
        with open_store(folder, "hyperliquid") as store:
            numbers = {store.account(hyperliquid_accounts.address(number)): number for number in range(ACCOUNTS)}
        snapshots = pd.DatetimeIndex(positions.times).as_unit("ms").asi8
        return Hour(positions, liq.observe(market, positions), numbers, list(server.knobs.answered), snapshots)


def opens(hour: Hour) -> np.ndarray:
    """Return when each candle opens, UTC ms."""
    return np.asarray(pd.DatetimeIndex(hour.real.market.times).as_unit("ms").asi8)


def closed_bars(hour: Hour) -> list[int]:
    """Return the numbers of the bars that a snapshot covers and that are finished."""
    ends = opens(hour) + moving.MINUTE
    return [bar for bar in range(len(ends) - 1) if hour.snapshot_of(ends[bar]) >= 0]


def test_the_hour_had_everything_in_it(hour):
    since, until = int(hour.snapshots[0]), int(hour.snapshots[-1])
    traders = range(0, NAMED, hyperliquid_accounts.TRADES)
    lives = {one for at in range(since, until, 60_000) for n in traders if (one := moving.held(n, at)) is not None}
    assert sum(one.opened > since for one in lives) > 20
    assert sum(one.ended < until and not one.liquidated for one in lives) > 20
    assert sum(since < one.added < min(until, one.ended) for one in lives) > 10
    assert len(moving.liquidated(traders, since, until)) > 10
    assert len(hour.snapshots) > 5
    assert np.diff(hour.snapshots).max() > 8 * 60_000, "the collector was dead for a while"


def answered(hour: Hour, snapshot: int) -> dict[int, int]:
    """Return when each account with a BTC position was answered, as the snapshot has it, UTC ms by account."""
    rows = hour.positions.snapshot("BTC", hour.positions.times[snapshot])
    times = pd.DatetimeIndex(rows["answered"]).as_unit("ms").asi8.tolist()
    return {hour.numbers[name]: time_ for name, time_ in zip(rows["account"], times, strict=True)}


def test_every_snapshot_holds_what_the_venue_answered_and_nothing_else(hour):
    rows = hour.positions.rows[hour.positions.rows["coin"] == "BTC"]
    for number, time_ in enumerate(hour.positions.times):
        seen = {hour.numbers[row["account"]]: row for _, row in rows[rows["time"] == time_].iterrows()}
        said = dict((one.number, (one, at)) for one, at in hour.truth(number))
        assert seen.keys() == said.keys()
        for account, (one, at) in said.items():
            row = seen[account]
            assert (row["side"], row["margin"], row["leverage"]) == (SIDE[one.side], one.margin, one.leverage)
            values = (row["coins"], row["entry"], row["liquidation_price"])
            assert values == pytest.approx((one.coins, one.entry, one.level(at)), rel=1e-9)
            assert at - 1000 < answered(hour, number)[account] <= hour.snapshots[number]
    assert len(rows) > 200


def test_every_dollar_stands_where_the_venue_says_until_price_comes_to_it(hour):
    real, begins = hour.real, opens(hour)
    low, high, close = (real.market.candles[name].to_numpy() for name in ("low", "high", "close"))
    photo = {bar: row for row, bar in enumerate(real.photos)}
    since = [answered(hour, number) for number in range(len(hour.snapshots))]
    held = [list(hour.truth(number)) for number in range(len(hour.snapshots))]
    for bar in closed_bars(hour):
        number = hour.snapshot_of(begins[bar] + moving.MINUTE)
        levels: dict[str, list[tuple[float, float]]] = {"long": [], "short": []}
        for one, at in held[number]:
            level, sign, known = one.level(at), one.side, since[number][one.number]
            after = int(np.searchsorted(begins, known))  # the first bar that opens once it was known
            path = (low if sign > 0 else high)[after : bar + 1]
            if begins[after - 1] < known and after - 1 <= bar:
                path = np.append(path, close[after - 1])  # of the bar before only the close is known to come later
            if not len(path) or (sign * path).min() > sign * level:
                levels[SIDE[sign]].append((level, one.coins * level))
        for side, pairs in levels.items():
            price, usd = np.array(pairs).reshape(-1, 2).T
            expected = np.histogram(price, real.edges, weights=usd)[0]
            np.testing.assert_allclose(getattr(real, side)[photo[bar]], expected, rtol=1e-6, atol=0.02)


def test_who_was_liquidated_is_gone_from_the_column_after(hour):
    levels, begins = hour.real.levels, opens(hour)
    accounts = [hour.numbers[name] for name in hour.positions.rows["account"].iloc[levels.row]]
    since = [answered(hour, number) for number in range(len(hour.snapshots))]
    traders = range(0, NAMED, hyperliquid_accounts.TRADES)
    gone = 0
    for one in moving.liquidated(traders, int(hour.snapshots[0]), int(hour.snapshots[-1])):
        bar = int(np.searchsorted(begins, one.ended)) - 1
        if begins[bar] < since[hour.snapshot_of(one.ended)].get(one.number, np.inf):
            continue  # not seen
        if any(number == one.number and -10_000 < at - begins[bar] < moving.MINUTE for at, number in hour.asked):
            continue  # asked in the minute in which it was liquidated, or just before: the next snapshot will tell
        for row in np.flatnonzero(np.equal(accounts, one.number)):
            if levels.price[row] != pytest.approx(one.level(one.ended), rel=1e-9):
                continue  # before margin was added, or another position
            stood = hour.real.photos[levels.first[row] : levels.end[row]]
            assert not len(stood) or stood[-1] < bar
            assert levels.swept[row] in (bar, len(begins)), "counted in the minute in which it was liquidated, once"
            gone += 1
    assert gone > 5


def test_nothing_is_invented_and_holes_stay_holes(hour):
    real, begins = hour.real, opens(hour)
    before = np.flatnonzero(begins + moving.MINUTE < hour.snapshots[0])
    assert len(before) > 600
    assert not real.covered[before].any()
    photos = np.isin(real.photos, before)
    assert not real.long[photos].any()
    assert not real.short[photos].any()
    assert real.covered[before[-1] + 2 :].all(), "while the collector was dead its last snapshot held"
    seen = {hour.numbers[name] for name in hour.positions.rows["account"].unique()}
    assert max(seen) < NAMED, "accounts that nothing names are not asked"
    assert not [number for number in seen if number % FAILS == 0], "and who never answers is not guessed"
    silent = hour.positions.passes["failed"]
    assert (silent > 0).all()


def test_the_share_that_is_seen_is_that_of_the_venue(hour):
    newest = hour.positions.snapshot("BTC")
    total = hour.positions.open_interest["BTC"].iloc[-1]
    assert hour.positions.share_seen("BTC") == pytest.approx(newest["coins"].sum() / 2 / total)
    assert hour.real.share_seen == pytest.approx(hour.positions.share_seen("BTC"))
