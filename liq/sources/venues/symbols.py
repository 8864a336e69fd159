"""Symbols: the contract that a ticker means, however it is written, and what to say where that is not obvious."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

from liq.errors import InputError
from liq.model.margin import known_coins

MAX_LENGTH = 60
"""Longest ticker; a symbol with a venue before it and a suffix has some thirty characters."""

PREFIXES: Mapping[str, str] = MappingProxyType(
    {
        "BINANCE": "binanceusdm",
        "BYBIT": "bybit",
        "OKX": "okx",
        "GATE": "gate",
        "GATEIO": "gate",
        "KRAKEN": "krakenfutures",
        "HYPERLIQUID": "hyperliquid",
        "LIGHTER": "lighter",
    }
)
"""Venues as TradingView writes them before a ticker, as in BINANCE:BTCUSDT.P, by ccxt id."""

QUOTES = ("USDT", "USDC", "USD")

SUFFIX = re.compile(r"([-_.]?(PERPETUAL|PERP)|[-_.]SWAP|\.P)$")
"""What venues and charts write behind a perpetual's ticker."""

ALIASES: Mapping[str, str] = MappingProxyType({"XBT": "BTC", "XDG": "DOGE"})
"""Other codes of the same coin (ISO 4217 and Kraken)."""

MULTIPLES = (
    ("1000000", 1_000_000),
    ("100000", 100_000),
    ("10000", 10_000),
    ("1000", 1000),
    ("1M", 1_000_000),
    ("K", 1000),
)
"""What a venue writes before a coin whose contract is of so many; K is Hyperliquid's."""


QUOTE = re.compile(r"(USDT|USDC|FDUSD|USD)")
PAIR = re.compile(r"([A-Z0-9]{2,15}?)(USDT|USDC|FDUSD|USD|PERP)M?")
"""A coin and its quote in one word; PERP stands in the place of the quote, M behind it (KuCoin). TUSD and BUSD are
left out: XBTUSD and BNBUSD end like them."""


NOT_COINS = re.compile(
    r"(LONGS?|SHORTS?|OI|LIQS?|LIQUIDATIONS?|OPEN|CLOSE|INTEREST|VOL|VOLUMES?|PRICES?|VALUE|AMOUNT|TOTAL|SUM|NOTIONAL|"
    r"FUNDING|QUOTE|TURNOVER|IN|AS|TO|BY|OF|AND|MY|THE|FILE|DATA|BARS?|CANDLES?|KLINES?|METRICS|AGGREGATED|EXPORT|\d)+"
)
"""Words of file names that are no coin, though "usd" stands behind them."""


class Renaming(NamedTuple):
    """A coin that was renamed one to one: its new name, when, and who said so."""

    name: str
    when: str
    source: str


RENAMED: Mapping[str, Renaming] = MappingProxyType(
    {
        "MATIC": Renaming("POL", "2024-09", "Polygon"),
        "FTM": Renaming("S", "2025-01", "Sonic Labs, formerly Fantom"),
        "EOS": Renaming("A", "2025-05", "Vaulta, formerly EOS"),
        "RNDR": Renaming("RENDER", "2024-07", "Render Network"),
        "KLAY": Renaming("KAIA", "2024-10", "Kaia, formerly Klaytn"),
        "TOMO": Renaming("VIC", "2023-11", "Viction, formerly TomoChain"),
        "NANO": Renaming("XNO", "2021-11", "Nano Foundation"),
        "MIOTA": Renaming("IOTA", "2023-10", "IOTA Foundation"),
    }
)
"""Coins renamed one to one, so that a price before and after is of the same thing; mergers at a rate are not here."""


class ParsedTicker(NamedTuple):
    """A ticker taken apart: the venue named before it ("" for none), coins that it may mean, and the quote ("")."""

    venue: str
    coins: tuple[str, ...]
    quote: str


def parse_ticker(ticker: str) -> ParsedTicker:
    """Return a ticker taken apart; raise InputError for what no ticker looks like.

    >>> parse_ticker("BINANCE:BTCUSDT.P")
    ParsedTicker(venue='binanceusdm', coins=('BTC', 'BTCUSDT'), quote='USDT')
    >>> parse_ticker("PF_XBTUSD").coins[0]
    'XBT'
    """
    text = str(ticker).strip().upper().removeprefix("$")
    if len(text) > MAX_LENGTH:
        raise InputError(f"a ticker has at most {MAX_LENGTH} characters, not {len(text):,}.")
    before, colon, behind = text.partition(":")
    venue = PREFIXES.get(before, "") if colon else ""
    text = behind if venue else text.split(":")[0]
    text = re.sub(r"^(PF|PI)_", "", text)
    text = SUFFIX.sub("", text) or text  # a coin may be named PERP
    base, _, quote = re.sub(r"[-_]", "/", text).strip("/").partition("/")
    if quote:
        return ParsedTicker(venue, (base,), quote)
    joined = next((name for name in QUOTES if base.endswith(name) and base != name), "")
    coins = (base.removesuffix(joined), base) if joined else (base,)
    return ParsedTicker(venue, coins, joined)


def coin_in_symbol(text: str) -> tuple[str, str]:
    """Return the coin and the quote that a venue's symbol means, "" for what it does not say.

    >>> coin_in_symbol("BTC/USDT:USDT"), coin_in_symbol("BTCUSDT_PERP.A"), coin_in_symbol("PF_XBTUSD")
    (('BTC', 'USDT'), ('BTC', 'USDT'), ('BTC', 'USD'))
    """
    plain = re.sub(r"^(PF|PI|FI)_", "", text.strip().upper())
    plain = plain.split(":")[0] if "/" in plain else plain.rsplit(":", 1)[-1]
    words = [word for word in re.split(r"[^A-Z0-9]+", plain) if word]
    if not words:
        return "", ""
    match = PAIR.fullmatch(words[0])
    coin, quote = (match[1], match[2]) if match else (words[0], words[1] if len(words) > 1 else "")
    return ALIASES.get(coin, coin), quote if QUOTE.fullmatch(quote) else ""


METATRADER = re.compile(r"(?<=USD|SDT|SDC)(?:M?(?:1|5|15|30)|H[14]|60|240|D1|1440|W1|10080|MN1?|43200)$")
"""What MetaTrader writes behind a symbol in a file's name: the length of a bar, in minutes or by its name."""


def coin_in_name(name: str) -> tuple[str, str]:
    """Return the coin and the quote that a file is named after, "" for what it does not say.

    A pair counts (BTCUSDT, ETH-USDT), and a coin alone if the table of margin brackets has it.

    >>> coin_in_name("BINANCE_BTCUSDT.P, 5.csv"), coin_in_name("btc_liquidations_1h.csv")
    (('BTC', 'USDT'), ('BTC', ''))
    >>> coin_in_name("longs_usd.csv"), coin_in_name("BTCUSD15.csv")
    (('', ''), ('BTC', 'USD'))
    """
    text = re.sub(rf"-({QUOTE.pattern})", r"\1", name.upper())
    words = [word for word in re.split(r"[^A-Z0-9]+", text) if word]
    for before, word in pairwise(["", *words]):
        match = PAIR.fullmatch(METATRADER.sub("", word))
        coin, quote = (match[1], match[2]) if match else (before, word)
        named = bool(match) or quote != "USD" or coin in known_coins()  # "mean_usd" is a column rather than a coin
        if coin and QUOTE.fullmatch(quote) and named and not NOT_COINS.fullmatch(coin):
            return ALIASES.get(coin, coin), quote
    plain = [word.removesuffix("PERP") for word in words]
    return next(((coin, "") for word in plain if (coin := ALIASES.get(word, word)) in known_coins()), ("", ""))


def match_symbol(ticker: str, listed: Iterable[str], quotes: tuple[str, ...], venue: str) -> str:
    """Return the unified symbol that a ticker means among those listed; raise InputError with near matches.

    Understands ``BTC``, ``btc``, ``$BTC``, ``BTCUSDT``, ``BTC/USDT``, ``BTC-USDT-SWAP``, ``BTC/USDT:USDT``,
    ``BTCUSDT.P``, ``BINANCE:BTCUSDT.P``, ``BTCUSDT_PERP``, ``PF_XBTUSD`` and ``XBT``; a coin whose contract is of a
    thousand (PEPE, 1000PEPE, kPEPE), and a renamed one (RENAMED) where the venue lists only its new name. A coin
    alone, or a quote that is not listed here, means the venue's first quote, so that one link works on every venue.

    >>> match_symbol("btcusdt", ["BTC/USD:USD", "ETH/USD:USD"], ("USD",), "Kraken Futures")
    'BTC/USD:USD'
    >>> match_symbol("PEPE", ["1000PEPE/USDT:USDT"], ("USDT",), "Binance")
    '1000PEPE/USDT:USDT'
    """
    symbols = list(listed)
    exact = {symbol.upper(): symbol for symbol in symbols}
    if (wanted := str(ticker).strip().upper()) in exact:
        return exact[wanted]
    parsed = parse_ticker(ticker)
    for coin in _meanings(parsed.coins):
        for name in dict.fromkeys((parsed.quote, *quotes)):
            if symbol := exact.get(f"{coin}/{name}:{name}"):
                return symbol
    bases = list(dict.fromkeys(symbol.split("/")[0] for symbol in symbols))
    nearest = difflib.get_close_matches(parsed.coins[0], bases, n=3, cutoff=0.5) or bases[:3]
    raise InputError(f"{venue} has no perpetual {str(ticker)[:40]!r}; near it: {', '.join(nearest)}.")


def _meanings(coins: tuple[str, ...]) -> list[str]:
    """Return the coins that may be meant, in upper case: as written, other codes, multiples, and new names."""
    plain = [name for coin in coins for name in (coin, ALIASES.get(coin, coin))]
    multiples = [
        f"{prefix}{without}" for coin in plain for without in _without_multiple(coin) for prefix, _ in MULTIPLES
    ]
    singles = [without for coin in plain for without in _without_multiple(coin)]
    renamed = [RENAMED[coin].name for coin in plain if coin in RENAMED]
    return list(dict.fromkeys([*plain, *multiples, *singles, *renamed]))


def _without_multiple(coin: str) -> list[str]:
    """Return a coin, and what is left of it without a multiple before it."""
    left = [
        coin.removeprefix(prefix)
        for prefix, _ in MULTIPLES
        if coin.startswith(prefix) and len(coin) > len(prefix) + 1
    ]
    return [coin, *left]


def found_note(ticker: str, symbol: str) -> str:
    """Return a sentence where a ticker found something that it does not literally name, else "".

    >>> found_note("PEPE", "1000PEPE/USDT:USDT")
    '1000PEPE is 1,000 PEPE: prices and coins are of so many.'
    >>> found_note("BTCUSDT.P", "BTC/USDT:USDT")
    ''
    """
    base = symbol.split("/")[0].upper()
    if str(ticker).strip().upper() == symbol.upper():
        return ""
    coins = parse_ticker(ticker).coins
    for coin in coins:
        if coin == base or ALIASES.get(coin) == base:
            return ""
    for coin in coins:
        if coin in RENAMED and RENAMED[coin].name == base:
            renaming = RENAMED[coin]
            return f"{coin} was renamed {base} in {renaming.when} ({renaming.source}); this is {base}."
    for prefix, count in MULTIPLES:
        plain = base.removeprefix(prefix)
        if base.startswith(prefix) and any(plain in _without_multiple(coin) for coin in coins):
            return f"{symbol.split('/')[0]} is {count:,} {plain}: prices and coins are of so many."
    return f"{str(ticker).strip()[:40]} is listed here as {symbol.split('/')[0]}."


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
