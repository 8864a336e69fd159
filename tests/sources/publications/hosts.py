"""What tests of a host look at and do."""

from __future__ import annotations

import pandas as pd

from liq.sources.file_worker import published
from liq.sources.positions import remote
from liq.sources.positions.publish import publish
from tests.sources.publications.publications import collect, tree
from tests.static_host import StaticHost


def forget() -> None:
    """Begin as a new process does."""
    remote.forget()
    published._answers.clear()


def expire(host: StaticHost) -> None:
    """Let a minute pass."""
    publication = remote.known(host.url)
    publication.asked = None
    publication.failed.clear()


def cached(host: StaticHost) -> dict[str, str]:
    """Return what is on disk."""
    folder = host.folder.parent / "cache" / "published"
    return tree(folder) if folder.exists() else {}


def publish_more(host: StaticHost, *times: pd.Timestamp) -> None:
    """Let the host publish further snapshots."""
    collect(host.folder.parent / "seen", times)
    publish(host.folder.parent / "seen", host.folder)


def is_sentence(text: str) -> bool:
    """Return whether a text is one sentence, or two short ones, that ends as such."""
    return text.endswith(".") and "\n" not in text and len(text) < 300 and "Traceback" not in text
