"""The verdict on what was read of a corrupted file: equal, said, refused, undetectable, or a fault.

A difference from the clean bars is undetectable where, and only where, a row of the corrupted file plainly says it:
the row has as many cells as the header; its time and each of its values are numbers without separators, or a date in
the kind's own format; the bar is possible (low <= open, close <= high); its prices are within PLAUSIBLE of the median
of all that was read; its time lies on the others' bars; and the units as a whole are possible (MAX_TURNOVER,
MAX_INTEREST, HELD_DAYS). Anything else that differs has to be said, and what is said has to name it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.storm.case import Case
from benchmarks.storm.layouts import plain
from benchmarks.storm.plainly import plain_columnar
from benchmarks.storm.reading import Read

PLAUSIBLE = 3.0
"""Multiple of the median price up to which a price may be one: a bar far from all others must be said."""

MAX_TURNOVER, MAX_INTEREST = 1e12, 2e11
"""Dollars a day, and dollars of open interest, that no market has: the largest had a tenth of both."""

HELD_DAYS = (0.01, 100.0)
"""Open interest in daily volumes; on the recordings it is 0.11 to 3.8."""

MAX_SENTENCE, MAX_NOTES = 400, 4_000
"""Characters of an error, and of all notes together."""

NAMES = {
    "open": "price|open|candle",
    "high": "price|high|candle",
    "low": "price|low|candle",
    "close": "price|close|candle",
    "volume": "volume",
    "open_interest": "open.interest",
    "long": "liquidation|long",
    "short": "liquidation|short",
}
"""Words by which a note names a column."""

TIME_WORDS = r"\btimes?\b|\brows?\b|\bbars?\b|dropped|last line"


def verdict(case: Case, read: Read, clean: Read) -> tuple[str, str]:
    """Return one of equal, said, refused, undetectable, FAULT, and the reason."""
    if read.fault:
        return "FAULT", read.fault
    if read.error:
        return _sentence(read.error)
    if len(" ".join(read.notes)) > MAX_NOTES or any("\n" in note for note in read.notes):
        return "FAULT", f"notes of {len(' '.join(read.notes)):,} characters, or with ends of lines"
    records = case.records
    if records is None:
        records = (plain_columnar(case.files[-1][1]) or []) if "Parquet" in case.group else case.clean.records()
    unchanged, changed = _compared(case, records)
    notes = _new_notes(read, clean)
    judge = {"positions": _positions, "events": _events}.get(case.layout.task, _bars)
    wrong, plainly = judge(case, read, clean, unchanged, changed, notes)
    if wrong:
        return "FAULT", wrong
    if notes:
        return "said", " ".join(notes)
    return ("undetectable", plainly) if plainly else ("equal", "")


def _sentence(text: str) -> tuple[str, str]:
    """Return whether an error is one sentence."""
    if "\n" in text or "\r" in text or not text.endswith(".") or len(text) > MAX_SENTENCE:
        return "FAULT", f"an error that is not one sentence, {len(text):,} characters: {text[:200]!r}"
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text):
        return "FAULT", f"an error with control characters: {text!r}"
    return "refused", text


def _compared(case: Case, records: list[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    """Return what the file's rows plainly say: of rows that stand in the clean file, and of others."""

    def key(one: Any) -> str:
        return repr(one)

    clean = [
        plain(case.layout, record, case.clean.bar) if case.layout.time else _scanned(case, record)
        for record in case.clean.records()
    ]
    left = Counter(map(key, clean))
    unchanged, changed = [], []
    for record in records:
        some = "bytes" in case.group and "Parquet" in case.group
        said = plain(case.layout, record, case.clean.bar, some) if case.layout.time else _scanned(case, record)
        if said is None:
            continue
        if left[key(said)] > 0:
            left[key(said)] -= 1
            unchanged.append(said)
        else:
            changed.append(said)
    return unchanged, changed


def _scanned(case: Case, record: dict[str, Any]) -> Any:
    """Return a row of a kind whose rows have no time."""
    return plain(case.layout._replace(time=("time",), unit="s"), {**record, "time": "0"}, "1h")


def _new_notes(read: Read, clean: Read) -> list[str]:
    """Return the sentences that are not said of the clean file, numbers and the list of columns aside."""

    def parts(notes: Iterable[str]) -> dict[str, str]:
        sentences = [one for note in notes for one in re.split(r"(?<=\.) ", note) if not one.startswith("Read as ")]
        return {re.sub(r"[\d.,:]+", "#", one): one for one in sentences}

    known = parts(clean.notes)
    return [one for shape, one in parts(read.notes).items() if shape not in known]


def _bars(
    case: Case, read: Read, clean: Read, unchanged: list[Any], changed: list[Any], notes: list[str]
) -> tuple[str, str]:
    """Return what is wrong with bars, and what differs but is said plainly by the file."""
    got, truth = read.frame, truth_of(case)
    assert got is not None
    said: dict[int, list[dict[str, Any]]] = {}
    text = " ".join(notes)
    length = pd.Timedelta(clean.bar).value
    for moment, values in changed:
        said.setdefault(moment, []).append(values)
        if case.layout.task == "interest" and moment % length:  # a reading inside a bar is that bar's
            raw = moment + case.layout.after * length
            said.setdefault(raw // length * length, []).append(values)
    present = {moment for moment, _ in unchanged}
    extra = [moment for moment in got.index if moment not in truth.index]
    plainly = []
    odd = [moment for moment in extra if moment not in said or not _on_grid(moment, got.index)]
    if odd and not re.search(TIME_WORDS, text):
        return f"{len(odd)} bars that the file does not have, such as {pd.Timestamp(odd[0])}", ""
    plainly += [f"a bar at {pd.Timestamp(moment)}" for moment in extra[:1]]
    if case.layout.after and read.bar != clean.bar:
        return "", "closes of bars of another length"  # rows are lost evenly, and each bar opens one length earlier
    if got.index[-1] > truth.index[-1] and "lacks" in text:
        return "", "; ".join(plainly)  # the window is another one: what is before the hole is summed or outside of it
    begins = got.index[0] if "lacks" in text else 0
    lost = [one for one in truth.index if one in present and one not in got.index and one >= begins]
    if lost and not re.search(r"dropped|left out|cut off|skipped|are put on|between the bars", text):
        return f"{len(lost)} bars lost in silence, such as {pd.Timestamp(lost[0])}", ""
    shared = got.index.intersection(truth.index)
    for name in truth.columns:
        if name not in got:
            if not notes and name == "open_interest" and present:
                return f"{name} lost in silence", ""
            continue
        ours, theirs = got.loc[shared, name].to_numpy(float), truth.loc[shared, name].to_numpy(float)
        differs = ~(np.isclose(ours, theirs, rtol=1e-7, atol=1e-9) | (np.isnan(ours) & np.isnan(theirs)))
        for moment, value, before in zip(shared[differs], ours[differs], theirs[differs], strict=True):
            named = re.search(NAMES[name], text, re.I)
            stands = any(
                np.isclose(value, one.get(name, np.nan), rtol=1e-9, equal_nan=True) for one in said.get(moment, [])
            )
            if np.isnan(value) and moment not in present:
                continue
            inside = [one for one in said if moment < one < moment + pd.Timedelta(clean.bar).value]
            if inside and re.search("between the bars|lacks", text):  # it is said that these are summed
                continue
            if not stands and not named:
                return f"{name} at {pd.Timestamp(moment)} is {value:g}, was {before:g}, which no row plainly says", ""
            plainly.append(f"{name} at {pd.Timestamp(moment)} is {value:g}, was {before:g}")
    reasons = _impossible(got, read.bar)
    was = _impossible(truth, clean.bar)
    for what, reason in reasons.items():
        if what not in was and not re.search(NAMES.get(what, what), text, re.I):
            return f"impossible in silence: {reason}", ""
    steps = np.diff(got.index.to_numpy())
    if (
        case.layout.task != "liquidations"
        and len(steps)
        and steps.max() > pd.Timedelta(read.bar).value * 1.5
        and not notes
    ):
        return f"a hole of {pd.Timedelta(int(steps.max()))} in silence", ""
    if read.bar != clean.bar and len(shared) == len(got) == len(truth) and not notes:
        return f"bars of {read.bar} instead of {clean.bar}", ""
    if read.symbol != clean.symbol and case.group not in ("wide, deep, large inside",) and not notes:
        plainly.append(f"the coin is {read.symbol}")
    return "", "; ".join(plainly[:3])


def truth_of(case: Case) -> pd.DataFrame:
    """Return what the clean file says, by the open of each bar (ns), read by no reader of the package."""
    said = [plain(case.layout, record, case.clean.bar) for record in case.clean.records()]
    return pd.DataFrame({moment: values for moment, values in filter(None, said)}).T.astype(float).sort_index()


def _on_grid(moment: int, index: pd.Index) -> bool:
    """Return whether a time lies on the bars of most."""
    moments = np.sort(index.to_numpy())
    steps = np.diff(moments)
    if not len(steps):
        return True
    lengths, counts = np.unique(steps, return_counts=True)
    length = int(lengths[np.argmax(counts)])
    phases, counts = np.unique(moments % length, return_counts=True)
    return bool((moment - phases[np.argmax(counts)]) % length == 0)


def _impossible(frame: pd.DataFrame, bar: str) -> dict[str, str]:
    """Return what cannot be, by the column it is of."""
    found: dict[str, str] = {}
    if "close" not in frame:
        return found
    middle = float(frame["close"].median())
    prices = frame[["open", "high", "low", "close"]].to_numpy()
    if prices.max() > PLAUSIBLE * middle or prices.min() < middle / PLAUSIBLE:
        found["close"] = f"prices of {prices.min():g} to {prices.max():g} around {middle:g}"
    if (frame["low"] > frame[["open", "close"]].min(axis=1)).any() or (
        frame["high"] < frame[["open", "close"]].max(axis=1)
    ).any():
        found["high"] = "a low above or a high below"
    if "volume" not in frame:
        return found
    days = len(frame) * pd.Timedelta(bar).value / 8.64e13
    turnover = float((frame["close"] * frame["volume"]).sum()) / max(days, 1e-9)
    if turnover > MAX_TURNOVER:
        found["volume"] = f"{turnover:.3g} dollars a day"
    if "open_interest" in frame and frame["open_interest"].notna().any():
        interest = float((frame["open_interest"] * frame["close"]).median())
        if interest > MAX_INTEREST:
            found["open_interest"] = f"{interest:.3g} dollars of open interest"
        ratio = interest / turnover if turnover else np.nan
        if ratio < HELD_DAYS[0] or ratio > HELD_DAYS[1]:
            found["open.interest|volume"] = f"open interest of {ratio:.3g} days of volume"
    return found


def _events(
    case: Case, read: Read, clean: Read, unchanged: list[Any], changed: list[Any], notes: list[str]
) -> tuple[str, str]:
    """Return what is wrong with liquidations that are summed to minutes."""

    def minutes(rows: Iterable[Any]) -> dict[tuple[int, str], float]:
        found: dict[tuple[int, str], float] = {}
        for moment, one in rows:
            if one["side"] in ("sell", "buy"):
                where = (moment // (60 * 10**9) * 60 * 10**9, "long" if one["side"] == "sell" else "short")
                found[where] = found.get(where, 0.0) + one["price"] * one["coins"]
        return found

    assert read.frame is not None
    got = {(moment, side): value for side in ("long", "short") for moment, value in read.frame[side].items() if value}
    clean_rows = [plain(case.layout, record, case.clean.bar) for record in case.clean.records()]
    allowed = [minutes(unchanged), minutes([*unchanged, *changed]), minutes(filter(None, clean_rows))]
    differs = []
    for where in {*got, *allowed[2]}:
        value = got.get(where, 0.0)
        if np.isclose(value, allowed[2].get(where, 0.0), rtol=1e-7):
            continue
        moment, side = pd.Timestamp(where[0]), where[1]
        if not notes and not any(np.isclose(value, one.get(where, 0.0), rtol=1e-7) for one in allowed):
            return f"{side} at {moment} is {value:g}, the rows say {allowed[1].get(where, 0):g}", ""
        differs.append(f"{side} at {moment} is {value:g}, was {allowed[2].get(where, 0):g}")
    return "", "; ".join(differs[:3])


def _positions(
    case: Case, read: Read, clean: Read, unchanged: list[Any], changed: list[Any], notes: list[str]
) -> tuple[str, str]:
    """Return what is wrong with positions, which have no notes: every row is one that the file plainly has."""

    def rows(said: Iterable[Any]) -> Counter[Any]:
        return Counter(_position(values, case.coin) for _, values in said)

    got, sure = Counter(read.rows or []), rows(unchanged)
    lost, more = sure - got, got - sure
    clean_rows = [
        plain(case.layout, record, "1h") if case.layout.time else _scanned(case, record)
        for record in case.clean.records()
    ]
    more -= rows(filter(None, clean_rows))
    unknown = more - rows(changed)
    if lost:
        return f"{sum(lost.values())} positions lost in silence, such as {next(iter(lost))}", ""
    if unknown:
        return f"{sum(unknown.values())} positions that no row plainly says, such as {next(iter(unknown))}", ""
    return "", "; ".join(map(str, list(more)[:2]))


def _position(values: dict[str, Any], coin: str) -> tuple[Any, ...]:
    """Return a position as a row of `Read.rows` has it."""
    size = values["coins"]
    side = values.get("side") or ("long" if size > 0 else "short")
    level = values["liquidation_price"]
    held = values.get("coin", coin)
    numbers = [abs(size), values["entry"], level if level == level and level > 0 else 0.0, values["leverage"]]
    return (str(held).upper(), side, *(float(f"{value:.9g}") for value in numbers), values["margin"])
