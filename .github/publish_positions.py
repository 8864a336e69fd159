"""One run of a scheduled job: collect a pass of positions, publish it, and put it on a branch of one commit.

    LIQ_SALT=thirty-characters-nobody-knows python .github/publish_positions.py

It is what .github/workflows/positions.yml runs each hour, and runs the same in any clone whose `origin` can be pushed
to. docs/positions.md says how it is switched on.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MIN_SALT = 20
"""Characters that LIQ_SALT must have: whoever guesses it can test which addresses are in what is published."""

FULL_EVERY = 24 * 3600
"""Seconds between two passes over every account that is known; those between ask the accounts that hold something."""

HOLDERS = 12_000
"""Accounts that a pass between asks at most, those that held something first: twenty minutes at the venue's limit."""

SNAPSHOTS = 30
"""Snapshots that stay in the collector's folder: a day and a quarter. The history is in what is published."""


IDENTITY = {"NAME": "positions", "EMAIL": "positions@localhost"}
"""Whom the branch's commit is by."""


def main() -> int:
    """Run once; return the exit code of the collector, 0 where it was only out of time."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--state", type=Path, default=Path("collected"), help="the collector's folder, kept private")
    parser.add_argument(
        "--public", type=Path, default=Path("public"), help="where it is published until it is pushed"
    )
    parser.add_argument("--branch", default="positions", help="the branch; everything else on it is lost")
    parser.add_argument("--minutes", type=float, default=100.0, help="how long to collect at most")
    parser.add_argument("--coins", default=os.environ.get("LIQ_COINS", ""), help="such as BTC,ETH; default: all")
    args = parser.parse_args()
    salt = os.environ.get("LIQ_SALT", "")
    if len(salt) < MIN_SALT:
        print(f"LIQ_SALT must be a secret of at least {MIN_SALT} characters; see docs/positions.md.", file=sys.stderr)
        return 2
    args.state.mkdir(parents=True, exist_ok=True)
    place = args.state / "salt"
    try:
        place.write_text(hashlib.blake2b(salt.encode(), digest_size=16).hexdigest(), encoding="ascii")
        fetch(args.public, args.branch)
        code = collect(args.state, args.public, args.coins, args.minutes)
        forget_old(args.state)
        if (args.public / "index.json").exists():
            push(args.public, args.branch)
    finally:
        place.unlink(missing_ok=True)  # the folder is kept where others may read it
    return code


def collect(state: Path, public: Path, coins: str, minutes: float) -> int:
    """Run a pass, a full one where the last is a day old or unfinished, and return the collector's exit code.

    A pass that is cut goes on in the next run.
    """
    mark = state / "full-pass"
    begun, finished = mark.read_text(encoding="ascii").split() if mark.exists() else ("0", "yes")
    is_full = finished == "no" or time.time() - float(begun) > FULL_EVERY
    if is_full and finished == "yes":
        begun = str(int(time.time()))
        mark.write_text(f"{begun} no", encoding="ascii")
    command = [sys.executable, "-m", "liq", "positions", "--once", "--to", str(state), "--publish", str(public)]
    command += ["--coins", coins] if coins else []
    command += [] if is_full else ["--accounts", str(HOLDERS)]
    before = snapshots(state)
    with subprocess.Popen(command) as process:
        try:
            code = process.wait(60 * minutes)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)  # what was answered is kept
            process.wait()
            code = 0
    if is_full and snapshots(state) != before:
        mark.write_text(f"{begun} yes", encoding="ascii")
    return code


def snapshots(state: Path) -> list[Path]:
    """Return the collector's snapshots, oldest first by venue."""
    return sorted(state.glob("positions/*/*.parquet"))


def forget_old(state: Path) -> None:
    """Remove all but the newest snapshots of the collector's folder."""
    for venue in state.glob("positions/*"):
        for path in sorted(venue.glob("*.parquet"))[:-SNAPSHOTS]:
            path.unlink()


def fetch(public: Path, branch: str) -> None:
    """Put what is on the branch into a folder; nothing where there is no such branch."""
    public.mkdir(parents=True, exist_ok=True)
    if git("ls-remote", "--exit-code", "origin", f"refs/heads/{branch}", check=False) == "":
        return
    git("fetch", "--quiet", "--depth=1", "origin", f"+refs/heads/{branch}:refs/remotes/origin/{branch}")
    with tempfile.TemporaryDirectory() as place:
        index = {"GIT_INDEX_FILE": str(Path(place) / "index")}
        git("read-tree", f"refs/remotes/origin/{branch}", more=index)
        git("checkout-index", "--all", "--force", more={**index, "GIT_WORK_TREE": str(public.resolve())})


def push(public: Path, branch: str) -> None:
    """Make a folder the only commit of the branch, so that no history grows; nothing where it is that already."""
    with tempfile.TemporaryDirectory() as place:
        more = {"GIT_INDEX_FILE": str(Path(place) / "index"), "GIT_WORK_TREE": str(public.resolve())}
        git("-c", "core.autocrlf=false", "add", "--all", "--force", ".", more=more, folder=public)
        tree = git("write-tree", more=more)
    if git("rev-parse", "--quiet", "--verify", f"refs/remotes/origin/{branch}^{{tree}}", check=False) == tree:
        print("Nothing new to publish.", file=sys.stderr)
        return
    name = {f"GIT_{who}_{what}": text for who in ("AUTHOR", "COMMITTER") for what, text in IDENTITY.items()}
    commit = git("commit-tree", tree, "-m", "Positions", more=name)
    git("push", "--quiet", "--force", "origin", f"{commit}:refs/heads/{branch}")
    git("update-ref", f"refs/remotes/origin/{branch}", commit)


def git(*words: str, more: dict[str, str] | None = None, folder: Path | None = None, check: bool = True) -> str:
    """Run git in this clone and return what it says; raise where it fails, unless that is an answer."""
    where = subprocess.run(
        ["git", "rev-parse", "--absolute-git-dir"], capture_output=True, check=True, encoding="utf-8"
    ).stdout.strip()
    environment = {**os.environ, "GIT_DIR": where, **(more or {})}
    done = subprocess.run(
        ["git", *words], capture_output=True, env=environment, cwd=folder, encoding="utf-8", check=False
    )
    if check and done.returncode:
        raise SystemExit(f"git {words[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
