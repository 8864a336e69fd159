"""`watch --notify`: events reach services through Apprise, with a picture where one is taken; secrets stay secret."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from liq.__main__ import main
from liq.commands import notify
from liq.errors import InputError
from tests.commands.test_watch import SIMULATED, clock, listening
from tests.sources.recorder.recording import wait_for

__all__ = ["clock"]

EVENT = {
    "symbol": "BTC/USDT:USDT",
    "event": "near",
    "simulated": True,
    "sentence": "Near.",
    "disclaimer": "No promise.",
}


def address(url: str) -> str:
    """Return a listening server's address as Apprise's JSON service."""
    return f"json://{urlsplit(url).netloc}/secret/path"


def test_an_event_arrives_with_its_sentence_and_a_picture():
    with (
        listening() as (url, got),
        notify.notifier([address(url)] * 2, lambda symbol: b"PNG of " + symbol.encode()) as tell,
    ):
        tell(json.dumps(EVENT))
        wait_for(lambda: len(got) == 2)
    assert len(got) == 2
    body = json.loads(got[0][1])
    assert body["title"] == "BTC: near (simulated)"
    assert body["message"] == "Near. No promise."
    assert base64.b64decode(body["attachments"][0]["base64"]) == b"PNG of BTC/USDT:USDT"


def test_what_is_refused_is_retried_alone_then_said_without_the_address(monkeypatch, capsys):
    monkeypatch.setattr(notify, "RETRY_DELAYS", (0.01, 0.01))
    with (
        listening(500, 500, 500) as (sick, refused),
        listening() as (well, got),
        notify.notifier([address(sick), address(well)], lambda symbol: None) as tell,
    ):
        tell(json.dumps(EVENT))
        wait_for(lambda: len(refused) == 3)
    assert len(refused) == 3
    assert len(got) == 1, "who was told is not told again"
    said = capsys.readouterr().err
    assert "not delivered by every service" in said
    assert "secret" not in said


def test_an_address_that_is_none_and_a_missing_extra_get_one_sentence(monkeypatch, capsys):
    assert main(["watch", *SIMULATED, "--once", "--notify", "carrier://pigeon"]) == 2
    assert "address 1 is none that Apprise knows" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(InputError, match="pip install"):
        notify._services(["json://127.0.0.1"])


def test_a_watch_tells_services_what_it_prints(capsys):
    with listening() as (url, got):
        code = main(["watch", "BTC", *SIMULATED, "--once", "--within", "5", "--usd", "0", "--notify", address(url)])
    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert lines
    assert len(got) == len(lines)
    body = json.loads(got[0][1])
    assert json.loads(lines[0])["sentence"] in body["message"]
    assert base64.b64decode(body["attachments"][0]["base64"])[:4] == b"\x89PNG"


def test_the_app_cannot_reach_it():
    code = "import sys, liq.app.controls; print('liq.commands.notify' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, encoding="utf-8")
    assert done.stdout.strip() == "False"
