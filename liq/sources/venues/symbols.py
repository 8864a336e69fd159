"""Which contract a ticker means."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from liq.errors import InputError


def match_symbol(ticker: str, listed: Iterable[str], quotes: tuple[str, ...], where: str) -> str:
    """Return the unified symbol that a ticker means among those listed; raise InputError with near matches.

    Understands ``BTC``, ``btc``, ``BTCUSDT``, ``BTC/USDT``, ``BTC-USDT`` and ``BTC/USDT:USDT``. A bare coin,
    or a quote that is not listed here, means the venue's first quote, so that one link works on every venue.

    >>> match("btcusdt", ["BTC/USD:USD", "ETH/USD:USD"], ("USD",), "Kraken Futures")
    'BTC/USD:USD'
    """
    symbols = list(listed)
    asked = str(ticker).strip().upper()
    exact = {symbol.upper(): symbol for symbol in symbols}
    if asked in exact:
        return exact[asked]
    base, _, quote = re.sub(r"[-_]", "/", asked.split(":")[0]).partition("/")
    wanted = [base] if quote else [base, *_bases(base)]
    for coin in wanted:
        spoken = quote or base.removeprefix(coin)
        for name in dict.fromkeys((spoken, *quotes)):
            found = exact.get(f"{coin}/{name}:{name}")
            if found:
                return found
    bases = list(dict.fromkeys(symbol.split("/")[0] for symbol in symbols))
    near = difflib.get_close_matches(base, bases, n=3, cutoff=0.5) or bases[:3]
    raise InputError(f"{where} has no perpetual {str(ticker)[:40]!r}; near it: {', '.join(near)}.")


def _bases(joined: str) -> list[str]:
    """Return the coins that ``BTCUSDT`` and its like may mean."""
    quotes = [quote for quote in ("USDT", "USDC", "USD") if joined.endswith(quote) and joined != quote]
    return [joined.removesuffix(quote) for quote in quotes]


def short_names(symbols: Iterable[str], quotes: tuple[str, ...]) -> list[str]:
    """Return tickers for symbols in their order: the coin for a venue's first quote of it, else the full symbol.

    >>> short_names(["BTC/USDT:USDT", "BTC/USDC:USDC", "PEPE/USDC:USDC"], ("USDT", "USDC"))
    ['BTC', 'BTC/USDC:USDC', 'PEPE']
    """
    symbols = list(symbols)
    held: dict[str, tuple[int, str]] = {}
    for symbol in symbols:
        base, quote = symbol.split(":")[0].split("/")
        rank = quotes.index(quote) if quote in quotes else len(quotes)
        held[base] = min(held.get(base, (rank, symbol)), (rank, symbol))
    return [symbol.split("/")[0] if held[symbol.split("/")[0]][1] == symbol else symbol for symbol in symbols]
