"""Symbols of Binance's archive: by which name a coin lies there, at the time that is asked for."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NamedTuple

from liq.sources.venues.symbols import ALIASES, MULTIPLES, RENAMED, found_note, parse_ticker

QUOTES = ("USDT", "USDC", "BUSD")
"""Quotes of Binance's linear perpetuals, the usual first; those in BUSD ended in 2023."""


FIRST_TICKERS = ("BTC", "ETH", "SOL", "XRP", "BNB", "DOGE")
"""Coins that are listed first; the archive states no volumes beside its names."""


class Candidate(NamedTuple):
    """A symbol that may be meant: the archive's own id, the coin, the unified symbol, and a sentence or ""."""

    id: str
    coin: str
    symbol: str
    note: str


def candidates(ticker: str) -> list[Candidate]:
    """Return the symbols that a ticker may mean, the likeliest first; raise InputError for what no ticker looks like.

    A coin without its quote means that in USDT. A coin that was renamed lies under the name it had at the time, so
    its other name is a candidate too.

    >>> [candidate.id for candidate in candidates("MATIC")][:1], "POLUSDT" in [c.id for c in candidates("MATIC")]
    (['MATICUSDT'], True)
    >>> "MATICUSDT" in [candidate.id for candidate in candidates("pol/usdt")]
    True
    """
    parsed = parse_ticker(ticker)
    plain = [name for coin in parsed.coins for name in (ALIASES.get(coin, coin), coin)]
    singles = [coin.removeprefix(prefix) for coin in plain for prefix, _ in MULTIPLES if coin != prefix]
    multiples = [f"{prefix}{coin}" for coin in (*plain, *singles) for prefix, _ in MULTIPLES if prefix != "K"]
    names = {coin: renaming.name for coin, renaming in RENAMED.items()}
    before = {name: coin for coin, name in names.items()}
    renamed = [other for coin in plain for other in (names.get(coin), before.get(coin)) if other]
    quotes = dict.fromkeys((*([parsed.quote] if parsed.quote in QUOTES else []), *QUOTES))
    found = []
    for coin in dict.fromkeys([*plain, *renamed, *multiples, *singles]):
        for quote in quotes if coin in plain else [next(iter(quotes))]:
            symbol = f"{coin}/{quote}:{quote}"
            notes = [_note(ticker, plain, coin, before, symbol)]
            if parsed.venue not in ("", "binanceusdm"):
                notes.append(f"{str(ticker).split(':')[0]} names another venue than the source; this is Binance's.")
            if parsed.quote in QUOTES and quote != parsed.quote:
                notes.append(f"The archive has no {coin}/{parsed.quote} then; this is {coin}/{quote}.")
            found.append(Candidate(f"{coin}{quote}", coin, symbol, " ".join(filter(None, notes))))
    return found


def _note(ticker: str, plain: list[str], coin: str, before: dict[str, str], symbol: str) -> str:
    """Return a sentence where a symbol is not literally what was asked for, or ""."""
    asked = next((name for name in plain if before.get(name) == coin), None)
    if asked is not None:
        renaming = RENAMED[coin]
        return f"{asked} was {coin} until {renaming.when} ({renaming.source}); this is {coin}."
    return found_note(ticker, symbol)


def near(ticker: str, known: Iterable[str]) -> str:
    """Return the coins nearest to a ticker among the archive's symbols, in words.

    >>> near("BTX", ["BTCUSDT", "ETHUSDT"])
    'BTC'
    """
    coins = list(dict.fromkeys(coin_of(symbol) for symbol in known))
    asked = parse_ticker(ticker).coins[0]
    return ", ".join(difflib.get_close_matches(asked, coins, n=3, cutoff=0.5) or coins[:3] or ["none"])


def tickers(known: Iterable[str]) -> list[str]:
    """Return the tickers of the archive's ids: the coin of those in USDT, else the full symbol; known coins first.

    >>> tickers(["AAVEUSDT", "BTCUSDC", "BTCUSDT", "BTCUSDT_240329"])
    ['BTC', 'AAVE', 'BTC/USDC:USDC']
    """
    rank = {coin: place for place, coin in enumerate(FIRST_TICKERS)}
    pairs = [(coin_of(symbol), symbol.removeprefix(coin_of(symbol))) for symbol in known if symbol.isalnum()]
    pairs = [(coin, quote) for coin, quote in pairs if quote in QUOTES]
    pairs.sort(key=lambda pair: (QUOTES.index(pair[1]), rank.get(pair[0], len(rank))))
    return [coin if quote == QUOTES[0] else f"{coin}/{quote}:{quote}" for coin, quote in pairs]


def coin_of(symbol: str) -> str:
    """Return the coin of one of the archive's ids.

    >>> coin_of("1000PEPEUSDT"), coin_of("ETHBTC")
    ('1000PEPE', 'ETHBTC')
    """
    quote = next((quote for quote in QUOTES if symbol.endswith(quote) and symbol != quote), "")
    return symbol.removesuffix(quote) if quote else symbol
