"""Symbols: the contract that a ticker means, and the ticker of a contract."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from liq.errors import InputError


def match_symbol(ticker: str, listed: Iterable[str], quotes: tuple[str, ...], venue: str) -> str:
    """Return the unified symbol that a ticker means among those listed; raise InputError with near matches.

    Understands ``BTC``, ``btc``, ``BTCUSDT``, ``BTC/USDT``, ``BTC-USDT`` and ``BTC/USDT:USDT``. A coin alone,
    or a quote that is not listed here, means the venue's first quote, so that one link works on every venue.

    >>> match_symbol("btcusdt", ["BTC/USD:USD", "ETH/USD:USD"], ("USD",), "Kraken Futures")
    'BTC/USD:USD'
    """
    symbols = list(listed)
    wanted_symbol = str(ticker).strip().upper()
    exact = {symbol.upper(): symbol for symbol in symbols}
    if wanted_symbol in exact:
        return exact[wanted_symbol]
    base, _, quote = re.sub(r"[-_]", "/", wanted_symbol.split(":")[0]).partition("/")
    coins = [base] if quote else [base, *_bases(base)]
    for coin in coins:
        own_quote = quote or base.removeprefix(coin)
        for name in dict.fromkeys((own_quote, *quotes)):
            symbol = exact.get(f"{coin}/{name}:{name}")
            if symbol:
                return symbol
    bases = list(dict.fromkeys(symbol.split("/")[0] for symbol in symbols))
    nearest = difflib.get_close_matches(base, bases, n=3, cutoff=0.5) or bases[:3]
    raise InputError(f"{venue} has no perpetual {str(ticker)[:40]!r}; near it: {', '.join(nearest)}.")


def _bases(joined: str) -> list[str]:
    """Return the coins that a joined ticker such as ``BTCUSDT`` may mean."""
    quotes = [quote for quote in ("USDT", "USDC", "USD") if joined.endswith(quote) and joined != quote]
    return [joined.removesuffix(quote) for quote in quotes]


def short_names(symbols: Iterable[str], quotes: tuple[str, ...]) -> list[str]:
    """Return tickers for symbols, in their order: the coin for a venue's first quote of it, else the full symbol.

    >>> short_names(["BTC/USDT:USDT", "BTC/USDC:USDC", "PEPE/USDC:USDC"], ("USDT", "USDC"))
    ['BTC', 'BTC/USDC:USDC', 'PEPE']
    """
    symbols = list(symbols)
    preferred: dict[str, tuple[int, str]] = {}
    for symbol in symbols:
        base, quote = symbol.split(":")[0].split("/")
        rank = quotes.index(quote) if quote in quotes else len(quotes)
        preferred[base] = min(preferred.get(base, (rank, symbol)), (rank, symbol))
    return [symbol.split("/")[0] if preferred[symbol.split("/")[0]][1] == symbol else symbol for symbol in symbols]
