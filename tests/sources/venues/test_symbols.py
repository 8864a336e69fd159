"""Tickers as people write them: found however they are written, and never another coin without a word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liq.errors import InputError
from liq.sources.venues.symbols import found_note, match_symbol


@pytest.mark.parametrize(
    ("ticker", "symbol"),
    [
        ("1000PEPE", "1000PEPE/USDT:USDT"),
        ("USDT", None),
        ("BTCUSDC", "BTC/USDC:USDC"),
        ("ETHUSD", "ETH/USDT:USDT"),
        ("", None),
        ("<b>", None),
    ],
)
def test_what_a_ticker_means(ticker: str, symbol: str | None) -> None:
    listed = ["BTC/USDT:USDT", "BTC/USDC:USDC", "ETH/USDT:USDT", "1000PEPE/USDT:USDT"]
    if symbol is None:
        with pytest.raises(InputError, match="near it"):
            match_symbol(ticker, listed, ("USDT", "USDC"), "Binance")
    else:
        assert match_symbol(ticker, listed, ("USDT", "USDC"), "Binance") == symbol


LISTED = {
    "binanceusdm": [
        "BTC/USDT:USDT",
        "ETH/USDT:USDT",
        "1000PEPE/USDT:USDT",
        "1000SHIB/USDT:USDT",
        "POL/USDT:USDT",
        "S/USDT:USDT",
    ],
    "hyperliquid": ["BTC/USDC:USDC", "kPEPE/USDC:USDC", "PERP/USDC:USDC"],
    "krakenfutures": ["BTC/USD:USD", "PEPE/USD:USD", "MATIC/USD:USD"],
}


@pytest.mark.parametrize(
    ("venue", "written", "base"),
    [
        *(
            ("binanceusdm", written, "BTC")
            for written in (
                *("BTC", "btc", " btc ", "BTCUSDT", "BTC/USDT", "BTC-USDT", "BTC_USDT", "BTC/USDT:USDT", "BTCUSDT.P"),
                *(
                    "BINANCE:BTCUSDT.P",
                    "BINANCE:BTCUSDT",
                    "BTCUSDT_PERP",
                    "BTCUSDTPERP",
                    "BTCPERP",
                    "BTC-PERP",
                    "BTC.P",
                ),
                *("BTCUSD_PERP", "PF_XBTUSD", "XBTUSD", "XBT", "$BTC", "BTC-USDT-SWAP", "BTCUSDT.PERP", "btcusdt.p"),
            )
        ),
        ("binanceusdm", "PEPE", "1000PEPE"),
        ("binanceusdm", "kPEPE", "1000PEPE"),
        ("binanceusdm", "1000PEPE", "1000PEPE"),
        ("binanceusdm", "PEPEUSDT.P", "1000PEPE"),
        ("binanceusdm", "SHIB", "1000SHIB"),
        ("binanceusdm", "MATIC", "POL"),
        ("binanceusdm", "FTMUSDT", "S"),
        ("hyperliquid", "1000PEPE", "kPEPE"),
        ("hyperliquid", "PEPE", "kPEPE"),
        ("hyperliquid", "PERP", "PERP"),
        ("krakenfutures", "1000PEPE", "PEPE"),
        ("krakenfutures", "MATIC", "MATIC"),
        ("krakenfutures", "PF_XBTUSD", "BTC"),
    ],
)
def test_a_ticker_is_found_however_it_is_written(venue: str, written: str, base: str) -> None:
    quotes = ("USDC",) if venue == "hyperliquid" else ("USD",) if venue == "krakenfutures" else ("USDT", "USDC")
    found = match_symbol(written, LISTED[venue], quotes, venue)
    assert found.split("/")[0] == base
    note = found_note(written, found)
    plain = written.upper().strip(" $")
    literal = "BTC" in plain or "XBT" in plain or plain == base.upper() or "/" in plain
    assert bool(note) != literal, note


@pytest.mark.parametrize("written", ["bitcoin", "₿", "🚀", "X" * 5000, "", "USDT", "DOGE", "<script>", "../..", "0"])
def test_what_is_no_ticker_gets_one_sentence_and_never_another_coin(written: str) -> None:
    with pytest.raises(InputError) as caught:
        match_symbol(written, LISTED["binanceusdm"], ("USDT",), "Binance")
    assert len(str(caught.value)) < 200


@given(st.text(max_size=30))
def test_whatever_is_typed_is_found_as_itself_or_said(written: str) -> None:
    try:
        found = match_symbol(written, LISTED["binanceusdm"], ("USDT",), "Binance")
    except InputError:
        return
    base = found.split("/")[0]
    assert base in written.upper() or "XBT" in written.upper() or found_note(written, found)
