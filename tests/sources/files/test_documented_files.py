"""The examples in docs/files.md are read as the document says."""

from __future__ import annotations

import re

import pytest

from liq.sources.files.joined import contents
from liq.sources.files.market_file import read_liquidations, read_market
from tests.served import ROOT
from tests.sources.files.test_kinds import named

EXAMPLES = re.findall(
    r"^```(?:csv|json) (.+?)\n(.*?)^```", (ROOT / "docs" / "files.md").read_text(encoding="utf-8"), re.M | re.S
)


@pytest.mark.parametrize(("name", "text"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_an_example_is_read(name, text):
    (content,) = contents(named(text, name))
    if content.candles is not None:
        market = read_market(named(text, name), lookback="12h")
        assert market.symbol == ("BTC/USD:USD" if "BTC-USD" in text else "BTC/USDT:USDT")
        assert market.candles["close"].iloc[-1] == 50060
        assert content.candles.iloc[-1].tolist() == pytest.approx([50020, 50090, 49950, 50060, 9.5])
        assert market.candles["volume"].sum() == pytest.approx(sum(content.candles["volume"]))
    elif content.liquidations is not None:
        assert read_liquidations(named(text, name)).resample("1h").sum().to_numpy().sum() > 0
    else:
        assert len(content.open_interest) == 4


def test_every_kind_has_an_example():
    from liq.sources.files.kind import KINDS
    from liq.sources.files.kinds.rows_of_numbers import KIND, ORDERS

    read = {contents(named(text, name))[0].kind for name, text in EXAMPLES}
    assert len(EXAMPLES) >= 40
    assert {kind.name for kind in KINDS} - {KIND.name} - read <= {"candles with dates"}
    assert {f"{KIND.name} ({order.title})" for order in ORDERS} <= read
