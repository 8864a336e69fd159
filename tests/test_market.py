"""A Market refuses bad input with one sentence that names the column, the row and the value."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import liq
from liq.market import bar_length, lookback
from tests.markets import START, candles, market


def valid_candles() -> pd.DataFrame:
    return candles([100.0, 101.0, 99.0, 100.0])


def with_value(column: str, row: int, value: object) -> pd.DataFrame:
    frame = valid_candles().astype(object)
    frame.loc[frame.index[row], column] = value
    return frame


BAD_CANDLES = [
    (with_value("low", 1, np.nan), ["'low'", "row 1", "nan"]),
    (with_value("close", 2, 0.0), ["'close'", "row 2", "0.0"]),
    (with_value("open", 0, -5.0), ["'open'", "row 0", "-5.0"]),
    (with_value("high", 3, np.inf), ["'high'", "row 3", "inf"]),
    (with_value("high", 1, 50.0), ["'high'", "row 1", "50.0"]),
    (with_value("close", 1, 500.0), ["'close'", "row 1", "500.0"]),
    (with_value("volume", 2, -1.0), ["'volume'", "row 2", "-1.0"]),
    (with_value("open", 2, "abc"), ["'open'", "row 2", "'abc'"]),
    (valid_candles().drop(columns="volume"), ["'volume'"]),
    (valid_candles().iloc[::-1], ["order", "row 1"]),
    (valid_candles().iloc[[0, 1, 1, 2]], ["repeats", "row 2"]),
    (valid_candles().iloc[:0], ["empty"]),
    (valid_candles().reset_index(drop=True), ["open time"]),
    (valid_candles().tz_convert("Asia/Tokyo"), ["UTC", "Asia/Tokyo"]),
    ([1, 2, 3], ["DataFrame", "list"]),
]


@pytest.mark.parametrize(("frame", "words"), BAD_CANDLES, ids=[str(words) for _, words in BAD_CANDLES])
def test_bad_candles_give_one_sentence(frame, words):
    with pytest.raises(liq.InputError) as caught:
        liq.Market("BTC/USDT:USDT", "test", frame)
    sentence = str(caught.value)
    assert all(word in sentence for word in words), sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert isinstance(caught.value, ValueError)


def test_bad_open_interest_names_the_row():
    with pytest.raises(liq.InputError, match=r"open_interest.*row 2.*-3\.0"):
        market(valid_candles(), [1.0, np.nan, -3.0, 4.0])
    with pytest.raises(liq.InputError, match="index"):
        liq.Market("BTC/USDT:USDT", "test", valid_candles(), pd.Series([1.0, 2.0]))


@pytest.mark.parametrize(
    "call",
    [
        lambda: lookback("2w"),
        lambda: bar_length("5x"),
        lambda: market(valid_candles(), price=-1.0),
        lambda: market(valid_candles(), price=float("nan")),
        lambda: market(valid_candles(), start="2030-01-01"),
        lambda: market(valid_candles(), start="yesterday-ish"),
        lambda: liq.estimate(market(valid_candles()), prior="nobody"),
        lambda: liq.estimate(market(valid_candles()), columns=0),
        lambda: liq.estimate(market(valid_candles()), edges=np.array([3.0, 2.0])),
        lambda: liq.Prior("x", "X", (10.0,), (-1.0,)),
        lambda: liq.Prior("x", "X", (10.0, 20.0), (1.0,)),
        lambda: liq.Prior("x", "X", (0.5,), (1.0,)),
        lambda: liq.Prior("x", "X", (10.0,), (1.0,), half_life=0.0),
        lambda: liq.Prior.from_json('{"nonsense": 1}'),
        lambda: liq.Prior.from_json("not json"),
    ],
)
def test_other_bad_input_is_an_input_error(call):
    with pytest.raises(liq.InputError) as caught:
        call()
    assert str(caught.value).endswith(".")


def test_defaults_and_the_forming_bar():
    plain = market(valid_candles())
    assert plain.price == 100.0
    assert plain.start == START
    assert not plain.forming
    assert market(valid_candles(), as_of=START + pd.Timedelta(hours=3, minutes=20)).forming


def test_bars_may_differ_in_length():
    coarse, fine = candles([100.0] * 3), candles([100.0] * 4, freq="15min")
    fine.index = coarse.index[-1] + pd.Timedelta(hours=1) + (fine.index - fine.index[0])
    np.testing.assert_allclose(market(pd.concat([coarse, fine])).hours(), [1, 1, 1, 0.25, 0.25, 0.25, 0.25])


def test_naive_times_are_taken_as_utc_and_stay_naive():
    naive = market(valid_candles().tz_localize(None), as_of=pd.Timestamp("2026-01-01 05:00", tz="UTC"))
    assert naive.start.tzinfo is None
    assert liq.estimate(naive).times.tz is None


def test_input_is_not_changed():
    frame = valid_candles().astype({"volume": int})
    before = frame.copy()
    liq.estimate(market(frame))
    pd.testing.assert_frame_equal(frame, before)
