"""What a published quarter weighs and how fast it is read: `python -m benchmarks.published`.

A quarter of hourly snapshots of 4,500 positions in 150 coins, of which cross accounts' liquidation prices move every
hour, five in a hundred positions change and one is replaced; read from a host that answers each request after 150 ms.
"""

from __future__ import annotations

import hashlib
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

import liq
from liq.sources.file_worker import published
from liq.sources.positions import remote
from liq.sources.positions.index import Index, kept_times
from liq.sources.positions.publish import publish
from liq.sources.positions.reader import METADATA
from tests.static_host import StaticHost

POSITIONS, COINS, DAYS = 4_500, 150, 91

LATENCY = 0.15
"""Seconds after which the host answers a request."""

RUNS = 3


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as place:
        folder, public = Path(place) / "seen", Path(place) / "public"
        began = time.perf_counter()
        collected = write_quarter(folder)
        made = time.perf_counter() - began
        began = time.perf_counter()
        index = publish(folder, public)
        took = time.perf_counter() - began
        print(f"collected {collected / 1e6:.1f} MB in {len(list(folder.rglob('*.parquet')))} files ({made:.0f} s)")
        report(index, public, took)
        began = time.perf_counter()
        publish(folder, public)
        print(f"published again without a change in {time.perf_counter() - began:.2f} s")
        with StaticHost(public, LATENCY) as host:
            read(host, public, index.newest)
        print(f"peak memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000:.0f} MB")


def report(index: Index, public: Path, took: float) -> None:
    """Print what was published."""
    size = sum(file.size for file in index.files)
    snapshots = [one for file in index.files for one in file.snapshots]
    print(
        f"published {size / 1e6:.1f} MB: {len(index.files)} files, {len(snapshots)} snapshots, "
        f"{sum(one.rows for one in snapshots):,} positions, "
        f"index {(public / 'index.json').stat().st_size / 1e3:.0f} kB, "
        f"newest {index.files[0].size / 1e3:.0f} kB, in {took:.1f} s"
    )


def read(host: StaticHost, public: Path, newest: pd.Timestamp) -> None:
    """Print how long it takes to read, beside the same from the folder, and how many requests it costs."""
    windows = {"quarter": None, "7d": newest - pd.Timedelta(days=7), "1d": newest - pd.Timedelta(days=1)}
    for coin in ("C0", None):
        for name, since in windows.items():

            def work(coin: str | None = coin, since: pd.Timestamp | None = since) -> liq.Positions:
                return liq.read_positions(host.url, coin or "", since=since)

            reference = median(lambda coin=coin, since=since: published.published_folder(public, coin, since))
            with tempfile.TemporaryDirectory() as cache:
                os.environ["LIQ_CACHE"] = cache
                host.heal()
                cold, rows = timed(
                    lambda coin=coin, since=since: liq.read_positions(host.url, coin or "", since=since)
                )
                requests = len(host.log)
                forget()
                warm, _ = timed(lambda coin=coin, since=since: liq.read_positions(host.url, coin or "", since=since))
                again, _ = timed(lambda coin=coin, since=since: liq.read_positions(host.url, coin or "", since=since))
            forget()
            print(
                f"{coin or 'all coins'}, {name}: {rows:,} rows, {requests} requests, cold {cold:.2f} s, "
                f"{cold / reference:.1f} × the folder's {reference:.2f} s; "
                f"from disk {warm:.2f} s, held {again * 1e3:.1f} ms"
            )


def forget() -> None:
    """Let this process forget what it read."""
    remote.forget()
    published._answers.clear()


def timed(work: Callable[[], liq.Positions]) -> tuple[float, int]:
    """Return seconds and rows."""
    began = time.perf_counter()
    rows = len(work().rows)
    return time.perf_counter() - began, rows


def median(work: Callable[[], liq.Positions]) -> float:
    """Return the median time of some runs."""
    return float(np.median([timed(work)[0] for _ in range(RUNS)]))


def write_quarter(folder: Path, days: int = DAYS, positions: int = POSITIONS) -> int:
    """Write a collector's folder of so many days, those snapshots that a publication keeps; return its bytes."""
    import json

    import pyarrow
    import pyarrow.parquet

    end = pd.Timestamp.now("UTC").floor("h")
    times = set(kept_times(pd.date_range(end - pd.Timedelta(days=days), end, freq="h")))
    place = folder / "positions" / "venue=hyperliquid"
    place.mkdir(parents=True)
    (folder / "salt").write_text("5a" * 16, encoding="ascii")
    size = 0
    for time_, rows in market(end - pd.Timedelta(days=days), end, positions):
        if time_ not in times:
            continue
        interest = {coin: float(coins) for coin, coins in rows.groupby("coin")["coins"].sum().items()}
        facts = {"source": "hyperliquid", "asked": 9000, "answered": 8990, "failed": 10, "open_interest": interest}
        table = pyarrow.Table.from_pandas(rows, preserve_index=False)
        table = table.replace_schema_metadata({METADATA: json.dumps(facts).encode()})
        path = place / f"{time_:%Y-%m-%dT%H%M%SZ}.parquet"
        pyarrow.parquet.write_table(table, path)
        size += path.stat().st_size
    return size


def market(start: pd.Timestamp, end: pd.Timestamp, positions: int) -> Iterator[tuple[pd.Timestamp, pd.DataFrame]]:
    """Yield times and rows as a collector writes them, hour by hour."""
    rng = np.random.default_rng(1)
    weights = 1 / np.arange(1, COINS + 1) ** 1.1
    frame = pd.DataFrame(
        {
            "coin": rng.choice([f"C{n}" for n in range(COINS)], positions, p=weights / weights.sum()),
            "side": rng.choice(["long", "short"], positions),
            "coins": np.round(rng.lognormal(0, 2, positions), 4),
            "entry": np.round(rng.lognormal(4, 2, positions), 6),
            "leverage": rng.choice([3.0, 5.0, 10.0, 20.0, 40.0], positions),
            "margin": rng.choice(["cross", "isolated"], positions, p=[0.8, 0.2]),
            "account": [account(n) for n in rng.integers(0, positions // 2, positions)],
        }
    )
    cross = frame["margin"] == "cross"
    frame["liquidation_price"] = np.round(frame["entry"] * rng.uniform(0.5, 1.5, positions), 10)
    following = positions
    for time_ in pd.date_range(start, end, freq="h"):
        gone, changed = np.flatnonzero(rng.random(positions) < 0.01), rng.random(positions) < 0.05
        frame.loc[gone, "account"] = [account(following + n) for n in range(len(gone))]
        following += len(gone)
        frame.loc[changed, "coins"] = np.round(frame.loc[changed, "coins"] * rng.uniform(0.5, 2, changed.sum()), 4)
        moved = frame.loc[cross, "liquidation_price"] * rng.normal(1, 0.002, cross.sum())
        frame.loc[cross, "liquidation_price"] = np.round(moved, 10)
        answered = time_ + pd.to_timedelta(rng.integers(-600, 0, positions), unit="s")
        yield time_, frame.assign(time=time_, answered=answered)


def account(number: int) -> str:
    """Return a hash as a collector writes it."""
    return hashlib.blake2b(str(number).encode(), digest_size=8).hexdigest()


if __name__ == "__main__":
    main()
