"""Print the files and folders that are past the sizes advised in CONTRIBUTING.md; nothing fails on them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

MAX_LINES, MAX_MODULES = 300, 12
"""Lines of a file, and modules in a folder, past which one asks whether it is two things."""


def past_advice() -> list[str]:
    """Return a line for each file and folder past the advice, the largest first.

    >>> isinstance(past_advice(), list)
    True
    """
    files = [file for folder in ("liq", "pages", "benchmarks", "tests") for file in (ROOT / folder).rglob("*.py")]
    lines = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    modules = Counter(file.parent for file in files if file.name != "__init__.py")
    long = [(count, f"{file.relative_to(ROOT).as_posix()}: {count} lines") for file, count in lines.items()]
    full = [(count, f"{folder.relative_to(ROOT).as_posix()}: {count} modules") for folder, count in modules.items()]
    found = [row for row in long if row[0] > MAX_LINES], [row for row in full if row[0] > MAX_MODULES]
    return [text for rows in found for _, text in sorted(rows, reverse=True)]


if __name__ == "__main__":
    print("\n".join(past_advice()))
