"""A host that fails, hangs, lies or leads elsewhere costs a sentence, and nothing of it is kept."""

from __future__ import annotations

import threading

import pytest

from liq.errors import InputError, SourceError
from liq.sources.file_worker.published import published_positions
from liq.sources.positions import remote
from liq.sources.positions.index import INDEX
from tests.sources.publications.hosts import cached, expire, is_sentence
from tests.sources.publications.publications import NEWEST, hours

FAULTS = {
    "404": "answers 404",
    "403": "answers 403",
    "429": "answers 429",
    "500": "answers 500",
    "cut": "ends before the file does",
    "silent": "is silent|takes longer",
    "drip": "sends too slowly|takes longer|sends more than",
    "drip-head": "takes longer|is silent|not HTTP",
    "reset": "ends the connection|not HTTP",
    "nonsense": "not HTTP",
    "endless": "sends more than",
    "gzip": "packed",
    "html": "not JSON|more than|another content",
    "million": "sends more than",
    "local": "only http is followed",
    "private": "local network",
    "link-local": "local network",
    "elsewhere": "example.org, which is not followed",
    "another-port": "local network",
    "file": "only http is followed",
    "with-password": "local network",
    "loop": "in a circle",
    "nowhere": "no address",
}
"""Faults of the host, and what is said of each."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_index_costs_a_sentence(host, fault):
    host.fail(fault)
    for _ in range(2):
        with pytest.raises(SourceError, match=FAULTS[fault]) as caught:
            published_positions(host.url, "BTC")
        assert is_sentence(str(caught.value)), str(caught.value)
    assert len(host.asked(INDEX)) <= 4, "a failure holds for a minute, too"
    assert cached(host) == {}


def test_a_host_that_answers_again_is_read_after_a_minute(host):
    host.fail("500")
    with pytest.raises(SourceError):
        published_positions(host.url, "BTC")
    host.heal()
    with pytest.raises(SourceError, match="answers 500"):
        published_positions(host.url, "BTC")
    assert host.asked() == []
    expire(host)
    assert published_positions(host.url, "BTC").notes == ()


@pytest.mark.parametrize("fault", [*FAULTS, "other"])
def test_a_fault_of_the_files_costs_a_sentence(host, fault):
    host.fail(fault, only=".parquet")
    with pytest.raises(SourceError, match=r"None of the \d+ files that 127\.0\.0\.1 publishes could") as caught:
        published_positions(host.url, "BTC")
    assert is_sentence(str(caught.value)), str(caught.value)
    assert cached(host) == {}


@pytest.mark.parametrize(
    "fault", ["404", "cut", "silent", "drip-head", "html", "million", "gzip", "elsewhere", "loop"]
)
def test_what_was_read_before_is_shown_where_the_host_fails(host, fault):
    good = published_positions(host.url, "BTC")
    kept = cached(host)
    remote.forget()
    host.fail(fault)
    found = published_positions(host.url, "BTC")
    (note,) = found.notes
    assert is_sentence(note)
    assert f"what was published by {NEWEST:%d %b %H:%M} UTC is shown" in note
    assert found.rows is good.rows
    assert cached(host) == kept


@pytest.mark.parametrize("fault", ["404", "cut", "other", "silent", "html"])
def test_one_file_that_fails_leaves_the_others_and_is_asked_again(host, fault):
    host.fail(fault, only=f"/{NEWEST:%Y-%m-%dT%H}")
    found = published_positions(host.url, "BTC")
    assert found.times.tolist() == hours(48)[:-1]
    (note,) = found.notes
    assert note.startswith("1 of ")
    assert is_sentence(note)
    assert published_positions(host.url, "BTC") is found
    host.heal()
    expire(host)
    whole = published_positions(host.url, "BTC")
    assert whole.times.tolist() == hours(48)
    assert whole.notes == ()
    assert len(host.asked(".parquet")) == 1


def test_a_redirect_on_the_same_host_is_followed(host):
    host.fail("moved")
    assert published_positions(host.url, "BTC").notes == ()


def test_nothing_is_left_running_when_a_host_drips(host):
    host.fail("drip-head")
    with pytest.raises(SourceError):
        published_positions(host.url)
    for thread in threading.enumerate():
        if thread.name == "published":
            thread.join(5)
            assert not thread.is_alive()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://example.org/liq/", "over https"),
        ("http://192.168.0.1/liq/", "over https"),
        ("ftp://example.org/liq/", "over https"),
        ("https://me:secret@example.org/liq/", "no password"),
        ("https://example.org/liq/?token=1", "no password"),
        ("https:///liq/", "no address"),
        ("https://example.org:port/", "no address"),
        ("https://exa mple.org/", "no address"),
        ("https://example.org/\r\nHost: x", "no address"),
        ("https://[::1", "no address"),
    ],
)
def test_an_address_that_is_not_to_be_asked_is_refused(url, said):
    with pytest.raises(InputError, match=said) as caught:
        published_positions(url)
    assert "secret" not in str(caught.value)
