"""Markets, liquidations, positions and tables from files, read in a process of their own.

Each has a function that the server calls and a task that the process runs (`TASKS`): files in, tables and facts out.
The readers themselves are in `liq.sources.files` and `liq.sources.positions`; they raise the same errors there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from liq.errors import LiqError
from liq.market import SIDES, Market, Origin
from liq.market_checks import CANDLE_COLUMNS
from liq.positions import Positions
from liq.sources.file_worker import published
from liq.sources.file_worker.process import run
from liq.sources.files import archive_file, market_file, table
from liq.sources.files.content import Content
from liq.sources.files.kinds import tardis_liquidations
from liq.sources.files.table import File
from liq.sources.positions import reader

Parts = tuple[list[pd.DataFrame], dict[str, Any]]


def read_market(
    file: File | Sequence[File],
    *,
    lookback: str = "7d",
    symbol: str | None = None,
    as_of: pd.Timestamp | str | None = None,
    dates: str = "",
) -> Market:
    r"""Return the market in a file, see `liq.sources.files.market_file.read_market`.

    >>> import io
    >>> rows = [f"{1767225600000 + 3600000 * hour},1,2,1,2,5" for hour in range(48)]
    >>> file = io.BytesIO("\n".join(["open_time_ms,open,high,low,close,volume", *rows]).encode())
    >>> read_market(file, lookback="1d").candles["close"].iloc[-1]
    np.float64(2.0)
    """
    moment = None if as_of is None else str(as_of)
    options = {"lookback": lookback, "symbol": symbol, "as_of": moment, "dates": dates}
    (bars,), facts = run("market", _listed(file), options)
    return Market(
        symbol=facts["symbol"],
        source="file",
        candles=bars[list(CANDLE_COLUMNS)],
        open_interest=bars.get("open_interest"),
        start=pd.Timestamp(facts["start"]),
        as_of=pd.Timestamp(facts["as_of"]),
        bar=pd.Timedelta(facts["bar"]),
        tick=facts["tick"],
        liquidations=bars[list(SIDES)] if SIDES[0] in bars else None,
        origins={what: Origin(name, pd.Timestamp(time)) for what, (name, time) in facts["origins"].items()},
        notes=tuple(facts["notes"]),
    )


def _market(files: list[File], **options: Any) -> Parts:
    """Return a market's bars, and the rest of it."""
    market = market_file.read_market(files, **options)
    parts = [market.candles, market.open_interest, market.liquidations]
    bars = pd.concat([part for part in parts if part is not None], axis=1)
    return [bars], {
        "symbol": market.symbol,
        "start": market.start.isoformat(),
        "as_of": market.as_of.isoformat(),
        "bar": market.bar.isoformat(),
        "tick": market.tick,
        "origins": {what: (origin.source, origin.as_of.isoformat()) for what, origin in market.origins.items()},
        "notes": market.notes,
    }


def read_liquidations(file: File | Sequence[File], dates: str = "", symbol: str = "") -> pd.DataFrame:
    r"""Return realised liquidations in a file, see `liq.sources.files.market_file.read_liquidations`.

    >>> import io
    >>> read_liquidations(io.BytesIO(b"open_time_ms,long,short\n1767225600000,5,0\n"))["long"].item()
    5.0
    """
    (liquidations,), _ = run("liquidations", _listed(file), {"dates": dates, "symbol": symbol})
    return liquidations


def _liquidations(files: list[File], **options: Any) -> Parts:
    """Return liquidations, and nothing else."""
    return [market_file.read_liquidations(files, **options)], {}


def read_positions(
    file: File, coin: str = "", dates: str = "", since: pd.Timestamp | str | None = None, *, source: str = ""
) -> Positions:
    """Return the positions in a folder or a file, see `liq.sources.positions.reader.read_positions`, or at a URL.

    The folder of a collector of this project is read in this process: what it holds was written by it.
    What someone publishes, a URL that begins with https:// or a folder with an index, is read by
    `liq.sources.file_worker.published.published_positions`: one coin of it where `coin` is given, else all, and where
    `since` (UTC) is given only the files from the last snapshot at or before it on, as of a collector's folder too.

    >>> import io
    >>> text = b"#ts,2026-01-31T00:00:00Z,px,80000,mode,full,scanned,9,btc_positions,1,elapsed_s,2\\n"
    >>> text += b"addr,size,entry,liq,lev,margin,pnl,acct_value\\n0xab,-2,81000,95000,10,cross,1,2\\n"
    >>> read_positions(io.BytesIO(text)).rows["side"].tolist()
    ['short']
    """
    if reader.is_url(file):
        return published.published_positions(str(file), coin or None, since)
    if isinstance(file, (str, Path)) and Path(file).is_dir():
        if published.is_published(file):
            return published.published_folder(file, coin or None, since)
        return reader.read_positions(file, coin, source=source, since=since)
    options = {"coin": coin, "dates": dates, "salt": reader.SALT.hex()}
    (rows, passes, interest), facts = run("positions", [file], options)
    return Positions(rows, facts["source"], passes, interest)


def _positions(files: list[File], coin: str, dates: str, salt: str) -> Parts:
    """Return positions, the passes they come from and open interest, and the venue."""
    found = reader.read_positions(files[0], coin, dates, salt=bytes.fromhex(salt))  # type: ignore[arg-type]
    return [found.rows, found.passes, found.open_interest], {"source": found.source}


def read_table(file: File, known: Collection[str]) -> tuple[str, pd.DataFrame]:
    r"""Return a file's name and its columns that are known, see `liq.sources.files.table.read_table`.

    >>> import io
    >>> read_table(io.BytesIO(b"Open,other\n1.5,2\n"), known=["open"])[1].to_dict("list")
    {'open': [1.5]}
    """
    (frame,), facts = run("table", [file], {"known": list(known)})
    return facts["name"], frame


def _table(files: list[File], known: list[str]) -> Parts:
    """Return a table and its file's name."""
    name, frame = table.read_table(files[0], known)
    return [frame], {"name": name}


def read_archive_files(files: Sequence[File]) -> list[Content | str]:
    """Return what each file of Binance's archive says, or the sentence that refuses it, see
    `liq.sources.files.archive_file`.

    >>> import io
    >>> read_archive_files([table.named_buffer(b"no zip", "BTCUSDT-1m-2026-01-01.zip")])[0].split()[0]
    'BTCUSDT-1m-2026-01-01.zip'
    """
    tables, facts = run("archive", files, {})
    found = iter(tables)
    return [one["error"] if "error" in one else archive_file.content_of(next(found), one) for one in facts["files"]]


def _archive(files: list[File]) -> Parts:
    """Return the table and the facts of each file, or the sentence that refuses it."""
    tables, facts = list[pd.DataFrame](), list[dict[str, Any]]()
    for file in files:
        try:
            frame, said = archive_file.content_parts(archive_file.read_archive_file(file))
        except LiqError as error:
            facts.append({"error": str(error)})
        except (ValueError, KeyError, TypeError) as error:  # one file of no known layout must not cost the others
            facts.append({"error": f"{table.file_name(file)} cannot be read ({type(error).__name__})."})
        else:
            tables.append(frame)
            facts.append(said)
    return tables, {"files": facts}


def read_events(file: File) -> pd.DataFrame:
    r"""Return single liquidations of a file of Tardis's, see `liq.sources.files.kinds.tardis_liquidations.events`.

    >>> rows = b"timestamp,side,price,amount\n1767225600000000,sell,10,2\n"
    >>> read_events(table.named_buffer(rows, "BTCUSDT.csv"))["usd"].tolist()
    [20.0]
    """
    (rows,), _ = run("events", [file], {})
    return rows


def _events(files: list[File]) -> Parts:
    """Return the liquidations of the first file."""
    return [tardis_liquidations.events(table.read_tables(files[0])[0])], {}


def _listed(file: File | Sequence[File]) -> list[File]:
    """Return one file or several as a list."""
    return list(file) if isinstance(file, (list, tuple)) else [file]  # type: ignore[list-item]


TASKS: dict[str, Callable[..., Parts]] = {
    "market": _market,
    "liquidations": _liquidations,
    "positions": _positions,
    "published": published.published_task,
    "table": _table,
    "archive": _archive,
    "events": _events,
}
"""What the process can be asked to read."""
