"""The collector against the local server: what it asks, what it keeps, and that nothing is lost, torn or twice."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time

import pandas as pd
import pytest

import liq
from liq.errors import SourceError
from liq.sources.positions import collect
from liq.sources.positions.asking.requests import GIVE_UP, Requests
from liq.sources.positions.reader import read_snapshot, snapshot_files
from liq.sources.positions.storage import open_store
from liq.sources.positions.venues.table import POSITION_VENUES
from liq.sources.rate_limit import RateLimit
from liq.sources.venues import client, failures
from liq.sources.venues.failures import RetryBudget
from tests.served import ROOT
from tests.sources.positions.passes import one_pass
from tests.sources.recorder.recording import wait_for
from tests.venue_server.venues import hyperliquid_accounts

VENUE = POSITION_VENUES["hyperliquid"]

COMMAND = """
import sys
from liq.__main__ import main
from liq.sources.venues import failures
failures.RETRY_POLICY = failures.RetryPolicy(timeout=4.0, tries=3, backoff=0.01, budget=6.0, spaced=False)
sys.exit(main(["positions", "--once", "--find", "leaderboard", "--to", sys.argv[1]]))
"""


def collected(folder, plan=None, every=None, said=None):
    """Run one pass in this process and return its snapshot's rows and metadata."""
    connection = client.connect("hyperliquid")
    client.contracts(connection, RetryBudget(5.0, 2))
    plan = plan or collect.Plan(find=("leaderboard",))
    with open_store(folder, "hyperliquid") as store:
        found = collect.Found()
        collect.add_listed(connection, VENUE, plan, found, print)
        for address in plan.own:
            found.add(address)
        report = said.append if said is not None else print
        assert one_pass(connection, store, found, plan, report=report, every=every)
    return read_snapshot(snapshot_files(folder)[-1])


def expected(count: int, coins=("BTC", "ETH")) -> int:
    """Return how many positions of these coins the first accounts hold."""
    return sum(("BTC" in coins) * (n % 15 == 1) + ("ETH" in coins) * (n % 30 == 1) for n in range(count))


def test_a_pass_keeps_what_every_account_holds_and_no_address(venues, tmp_path):
    rows, said = collected(tmp_path)
    assert len(rows) == expected(270)
    assert said["asked"] == said["answered"] == 270
    assert said["failed"] == 0
    assert said["open_interest"]["BTC"] > 0
    assert set(rows["coin"]) == {"BTC", "ETH"}, "a coin of another exchange on the venue is kept only where named"
    assert rows["liquidation_price"].isna().any()
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert not re.search(rb"0x[0-9a-f]{40}", file.read_bytes()), file.name
    positions = liq.read_positions(tmp_path)
    assert 0 < positions.share_seen("BTC") < 1
    levels = positions.levels("BTC")
    assert len(levels) == (rows["coin"].eq("BTC") & rows["liquidation_price"].notna()).sum()
    assert (levels["usd"] > 0).all()


def test_accounts_that_do_not_answer_are_holes(venues, tmp_path):
    venues.knobs.accounts = 100
    first, _ = collected(tmp_path)
    venues.knobs.account_fails = 2
    time.sleep(1.1)  # a snapshot is named by its second
    second, said = collected(tmp_path)
    assert said["failed"] == 45
    assert len(second) == len(first), "their last known state is carried over"
    stale = second[second["answered"] <= first["time"].iloc[0]]
    assert 0 < len(stale) < len(second)


def test_many_failures_in_a_row_end_the_pass_and_the_next_goes_on(venues, tmp_path):
    venues.fail("hyperliquid", "503", only="clearinghouseState", after=100)
    with pytest.raises(SourceError, match="goes on from there"):
        collected(tmp_path)
    assert not snapshot_files(tmp_path)
    asked = len(venues.knobs.weights)
    venues.heal()
    rows, said = collected(tmp_path)
    assert len(rows) == expected(270)
    assert said["failed"] == 0
    assert len(venues.knobs.weights) == 270, "who was answered before is not asked again"
    assert 0 < asked < 270


@pytest.mark.parametrize("first", [0, 100, 270 - GIVE_UP - 20])
def test_accounts_that_never_answer_side_by_side_do_not_end_a_pass(venues, tmp_path, first):
    venues.knobs.accounts_silent = range(first, first + GIVE_UP + 20)
    holders = sum(number % 15 == 1 for number in venues.knobs.accounts_silent)
    for _ in range(2):
        rows, said = collected(tmp_path)
        assert (said["answered"], said["failed"]) == (270 - GIVE_UP - 20, GIVE_UP + 20)
        assert rows["coin"].eq("BTC").sum() == sum(number % 15 == 1 for number in range(270)) - holders
        time.sleep(1.1)  # a snapshot is named by its second


def test_who_did_not_answer_is_asked_last_in_the_next_pass(venues, tmp_path):
    venues.knobs.accounts_silent = range(100, 110)
    connection, found = client.connect("hyperliquid"), collect.Found()
    client.contracts(connection, RetryBudget(5.0, 2))
    plan = collect.Plan(find=("leaderboard",))
    collect.add_listed(connection, VENUE, plan, found, print)
    with open_store(tmp_path, "hyperliquid") as store:
        assert one_pass(connection, store, found, plan, every=900.0)
        last = collect.accounts_to_ask(found.copy(), store, 900.0, None)[-10:]
    assert {hyperliquid_accounts.number_of(account) for account in last} == set(range(100, 110))


@pytest.mark.parametrize("mode", ["429", "429-after", "html", "cut", "503", "empty", "reset"])
def test_a_fault_in_passing_costs_nothing(venues, tmp_path, mode):
    venues.fail("hyperliquid", mode, only="clearinghouseState")
    threading.Timer(0.05, venues.heal).start()
    rows, said = collected(tmp_path)
    assert len(rows) >= expected(270) - (0 if mode == "empty" else said["failed"]) - (30 if mode == "empty" else 0)
    assert said["failed"] <= GIVE_UP


def test_a_later_pass_asks_holders_first_and_of_the_rest_a_share(venues, tmp_path):
    collected(tmp_path)
    before = len(venues.knobs.weights)
    venues.knobs.accounts_changed = True
    time.sleep(1.1)
    rows, said = collected(tmp_path, every=900.0)
    holders = sum(n % 15 == 1 for n in range(270))
    asked = len(venues.knobs.weights) - before
    assert holders < asked < holders + 10
    assert said["asked"] == asked
    assert len(rows) == expected(270)
    changed = liq.read_positions(tmp_path)
    first, second = (changed.rows[changed.rows["time"] == moment] for moment in changed.times)
    assert second["coins"].sum() > first["coins"].sum()


def test_accounts_that_trade_while_it_runs_are_found_in_the_stream(venues, tmp_path):
    venues.knobs.accounts = 300
    connection, said, stop = client.connect("hyperliquid"), [], threading.Event()
    client.contracts(connection, RetryBudget(5.0, 2))
    plan = collect.Plan(coins=("BTC",), find=("stream",), own=(hyperliquid_accounts.address(1),))
    newcomers = [number for number in range(270, 300) if number % 15 == 1]
    with open_store(tmp_path, "hyperliquid") as store:
        found = collect.Found()
        listener = collect.listen(VENUE, plan.coins, found, stop)
        wire = wait_for(
            lambda: next((w for w in venues.wires if w.venue == "hyperliquid" and "BTC" in w.topics), None)
        )
        for number in newcomers:
            wire.tell(hyperliquid_accounts.trade("BTC", number, 1))
        wait_for(lambda: len(found.copy()) >= 1 + len(newcomers))
        assert one_pass(connection, store, found, plan, report=said.append)
        stop.set()
        listener.join()
    rows, _ = read_snapshot(snapshot_files(tmp_path)[-1])
    assert len(rows) == len(newcomers) + 1


def test_a_kill_at_any_point_loses_nothing_and_doubles_nothing(venues, tmp_path):
    environment = {**os.environ, "LIQ_GATEWAY": venues.url}
    venues.latency = 0.002
    try:
        for _ in range(3):
            process = subprocess.Popen(
                [sys.executable, "-c", COMMAND, str(tmp_path)], cwd=ROOT, env=environment, stderr=subprocess.PIPE
            )
            time.sleep(random.Random(len(venues.knobs.weights)).uniform(1.2, 2.2))
            process.send_signal(signal.SIGKILL)
            process.wait()
            for path in snapshot_files(tmp_path):
                assert len(read_snapshot(path)[0]) == expected(270)
    finally:
        venues.latency = 0.0
    with open(tmp_path / "pass.jsonl", "ab") as journal:
        journal.write(b'["torn", [["BT')
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, str(tmp_path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    for path in snapshot_files(tmp_path):
        rows, _ = read_snapshot(path)
        assert len(rows) == expected(270)
        assert not rows.duplicated(["account", "coin"]).any()
    assert not (tmp_path / "pass.jsonl").exists()
    assert not [path for path in tmp_path.rglob(".*") if path.is_file() and path.name != ".salt"]


def test_two_collectors_do_not_share_a_folder(tmp_path):
    another = pytest.raises(liq.InputError, match="another collector")
    with open_store(tmp_path, "hyperliquid"), another, open_store(tmp_path, "hyperliquid"):
        pass


def test_the_limit_is_kept_at_sixty_times_its_speed(venues, tmp_path, monkeypatch):
    """1,200 of weight a minute are 1,200 a second at sixty times the speed; an account weighs 2."""
    connection = client.connect("hyperliquid")
    [limit] = connection.venue.limits
    assert limit.weight / limit.seconds <= 1200 / 60
    connection.rate_limit = RateLimit([limit._replace(seconds=limit.seconds / 60)])
    monkeypatch.setattr(failures, "RETRY_POLICY", failures.RETRY_POLICY._replace(spaced=True))
    collected(tmp_path)
    moments = [moment for moment, _ in venues.knobs.weights]
    weights = [weight for _, weight in venues.knobs.weights]
    for row, moment in enumerate(moments):
        inside = sum(w for m, w in zip(moments[: row + 1], weights, strict=False) if m > moment - 1.0)
        assert inside <= 1200 + 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--source", "okx"], "source must be hyperliquid"),
        (["--find", "rumours"], "--find takes leaderboard and stream"),
        (["--every", "soon"], "--every must be a time"),
        (["--every", "2d"], "between 1m and 1d"),
        (["--accounts", "0"], "at least 1"),
        (["--addresses", "nowhere.txt"], "nowhere.txt cannot be read"),
    ],
)
def test_wrong_options_get_one_sentence(words, sentence, capsys, tmp_path):
    from liq.__main__ import main

    assert main(["positions", "--to", str(tmp_path), *words]) == 2
    assert sentence in capsys.readouterr().err


def test_answers_of_accounts_make_no_sense_in_many_ways():
    from liq.sources.positions.venues.hyperliquid import parse_state
    from liq.sources.venues.failures import VenueFailure

    for answer in (None, [], {}, {"assetPositions": None}, "<html>"):
        with pytest.raises(VenueFailure):
            parse_state(answer)
    good = {
        "coin": "BTC",
        "szi": "1",
        "entryPx": "5",
        "liquidationPx": "-3",
        "leverage": {"type": "cross", "value": 2},
    }
    spoiled = [
        {**good, **change}
        for change in ({"szi": "x"}, {"szi": "nan"}, {"entryPx": "0"}, {"leverage": 3}, {"coin": ""})
    ]
    found = parse_state({"assetPositions": [{"position": row} for row in [good, *spoiled]] + [None, 3, {}]})
    assert len(found) == 1
    assert found[0].liquidation_price is None


def test_a_journal_of_nonsense_is_no_pass(tmp_path):
    (tmp_path / "pass.jsonl").write_text(json.dumps({"pass": "never"}) + "\n", encoding="utf-8")
    with open_store(tmp_path, "hyperliquid") as store:
        assert store.pass_start is None
    frame = pd.DataFrame({"account": ["a"]})
    frame.to_parquet(tmp_path / "accounts.parquet")
    with open_store(tmp_path, "hyperliquid") as store:
        assert store.accounts == {}


def test_an_answer_has_its_own_time_though_a_request_beside_it_takes_longer(venues, tmp_path):
    venues.knobs.accounts = 4
    connection, slow = client.connect("hyperliquid"), hyperliquid_accounts.address(0)
    client.contracts(connection, RetryBudget(5.0, 2))

    def held(connection, account, budget):
        if account == slow:
            time.sleep(1.1)
        return []

    with open_store(tmp_path, "hyperliquid") as store:
        requests = Requests(connection, store, collect.Plan(), collect.Found(), print)
        requests.venue = VENUE._replace(held=held)
        requests.ask([hyperliquid_accounts.address(number) for number in range(4)])
        requests.close()
        first, *others = store._times.values()
        assert all(first > other for other in others)
