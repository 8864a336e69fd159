"""Hashes of what a change of structure must not change: `python -m benchmarks.fingerprint [FOLDER]`.

The simulated market at a fixed moment, through every lookback, as zones, heat, notes and pictures. Two revisions that
print the same lines give the same answers. With FOLDER the files themselves are written there, to be compared.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import liq
from liq.charts.heatmap.png import heatmap_png
from liq.charts.heatmap.window import window
from liq.commands.zones import zones_text
from liq.export import files, pine
from liq.sources.simulation.market import simulate
from liq.zones.desk_notes import desk_notes

NOW = "2026-09-01 12:34"
"""UTC; the moment at which the simulated market ends."""

PICTURES = ("7d", "6M")
"""Lookbacks that are drawn; a picture takes some two seconds."""


def answers() -> Iterator[tuple[str, bytes]]:
    """Yield name and content of every file."""
    for name in liq.LOOKBACKS:
        heatmap = liq.estimate(simulate("BTC", name, now=NOW), columns=600)
        zones = liq.top_zones(heatmap)
        notes = "\n".join(f"{note.kind} {note.sentence} {note.rule}" for note in desk_notes(heatmap))
        yield f"zones_{name}.json", files.zones_json(heatmap, zones).encode()
        yield f"zones_{name}.csv", files.zones_csv(heatmap, zones).encode()
        yield f"zones_{name}.txt", zones_text(heatmap, zones, name).encode()
        yield f"zones_{name}.pine", pine.indicator(heatmap, zones).encode()
        yield f"heat_{name}.csv", files.heat_csv(heatmap, window(heatmap)).encode()
        yield f"notes_{name}.txt", notes.encode()
        if name in PICTURES:
            yield f"heatmap_{name}.png", heatmap_png(heatmap)


def main() -> None:
    """Print a hash and a name a line, by name."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    for name, content in sorted(answers()):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        print(hashlib.sha256(content).hexdigest()[:16], name)


if __name__ == "__main__":
    main()
