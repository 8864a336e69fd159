"""The built wheel in an empty environment outside the checkout: its contents, its commands and the app."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from playwright.sync_api import Browser

import liq
from tests.served import needs_browser

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirements(path: Path) -> dict[str, Requirement]:
    """Return the requirements of a file by name; lines that name another file are left out."""
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    found = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return {requirement.name: requirement for requirement in found}


def pinned(requirement: Requirement) -> str:
    """Return the version that a line such as ``numpy==2.4.6`` pins."""
    (specifier,) = requirement.specifier
    assert specifier.operator == "==", requirement
    return specifier.version


def test_requirements_and_package_name_the_same_dependencies():
    pins = requirements(ROOT / "requirements.txt")
    declared = {requirement.name: requirement for requirement in map(Requirement, PROJECT["dependencies"])}
    assert pins.keys() == declared.keys()
    for name, requirement in declared.items():
        assert requirement.specifier.contains(pinned(pins[name])), f"{name} {requirement.specifier}"


def test_development_requirements_and_extras_name_the_same_packages():
    pins = requirements(ROOT / "requirements-dev.txt")
    extras = PROJECT["optional-dependencies"]
    declared = {name: extra for extra in ("dask", "notify", "dev") for name in map(Requirement, extras[extra])}
    declared_names = {requirement.name for requirement in declared} - {"liq"}
    assert pins.keys() == declared_names
    for requirement in declared:
        assert requirement.name == "liq" or requirement.specifier.contains(pinned(pins[requirement.name]))


def test_the_dependencies_page_names_every_dependency():
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    for name in [*requirements(ROOT / "requirements.txt"), *requirements(ROOT / "requirements-dev.txt")]:
        assert re.search(rf"^\| {re.escape(name)} \|", page, re.M), name


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Build the wheel as `pip install .` does."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run([sys.executable, "-m", "pip", *build], check=True)
    return next(folder.glob("liq-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """Install the wheel into an environment that holds nothing else; return the folder of its programs."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    pip = [str(programs / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip.append("--no-compile")  # most of what is installed is never imported here, and compiling it takes longest
    constraints = ["--constraint", str(ROOT / "requirements.txt")]
    done = subprocess.run([*pip, *constraints, str(wheel)], capture_output=True, check=False, encoding="utf-8")
    if done.returncode != 0 and re.search(
        r"NewConnectionError|Failed to establish|ConnectTimeout|No route", done.stderr
    ):
        pytest.skip("no package registry can be reached, so nothing can be installed")
    assert done.returncode == 0, done.stderr[-2000:]
    return programs


@pytest.fixture
def outside(tmp_path, monkeypatch) -> Path:
    """A working directory outside the checkout, and no variable that leads back into it."""
    monkeypatch.chdir(tmp_path)
    for name in ("PYTHONPATH", "LIQ_FILE", "LIQ_GATEWAY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def run(*command: object) -> str:
    """Run a command that must succeed and return what it printed."""
    done = subprocess.run(list(map(str, command)), capture_output=True, check=False, encoding="utf-8")
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_the_wheel_holds_types_data_pages_and_theme(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"liq/py.typed", "liq/model/brackets.json", "liq/model/calibrated.json"} <= names
    assert {"liq/app/bundle/streamlit_app.py", "liq/app/bundle/.streamlit/config.toml"} <= names
    assert {f"liq/app/bundle/pages/{page.name}" for page in (ROOT / "pages").glob("*.py")} <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/")) or "/tests/" in name]


def test_the_version_is_stated_once(wheel, installed, outside):
    assert wheel.name.startswith(f"liq-{liq.__version__}-")
    assert run(installed / "liq", "--version").strip() == f"liq {liq.__version__}"
    assert run(installed / "python", "-c", "import liq; print(liq.__version__)").strip() == liq.__version__


def test_nothing_that_is_installed_contradicts_another(installed):
    run(installed / "python", "-m", "pip", "check")


def test_the_console_script_prints_zones(installed, outside):
    answer = run(installed / "liq", "zones", "BTC", "--source", "simulated")
    assert "Above price (potential squeeze zones)" in answer
    assert (
        answer == run(installed / "python", "-m", "liq", "zones", "BTC", "--source", "simulated") or "Price" in answer
    )
    assert str(ROOT) not in run(installed / "python", "-c", "import liq; print(liq.__file__)")


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture
def app_address(installed, outside) -> Iterator[str]:
    """Start `liq app` from the installed package and yield its address once it answers."""
    port = free_port()
    options = ["--server.headless", "true", "--server.address", "127.0.0.1"]
    with open(outside / "log", "w", encoding="utf-8") as log:
        command = [str(installed / "liq"), "app", "--port", str(port), "--", *options]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).read()
                    break
                except OSError:
                    assert process.poll() is None, (outside / "log").read_text(encoding="utf-8")
                    assert time.monotonic() < deadline, (outside / "log").read_text(encoding="utf-8")
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)
    assert "Traceback" not in (outside / "log").read_text(encoding="utf-8")


@needs_browser
def test_the_app_starts_from_the_installed_package_with_pages_and_theme(app_address, chromium: Browser):
    page = chromium.new_page(viewport={"width": 1500, "height": 900}, color_scheme="dark")
    page.goto(f"{app_address}/?source=simulated&timeframe=1d")
    page.wait_for_selector('[data-testid="stVegaLiteChart"] canvas', timeout=60_000)
    background = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert background == "rgb(11, 14, 20)", "the theme of .streamlit/config.toml"
    for title in ("Top zones", "Liquidation map", "Watchlist", "Reality check", "Background"):
        assert page.get_by_role("link", name=title).count() > 0, title
    page.close()


def test_the_app_stops_on_sigterm(installed, outside):
    port = free_port()
    command = [str(installed / "liq"), "app", "--port", str(port), "--", "--server.headless", "true"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    process.terminate()
    process.wait(20)
    with socket.socket() as sock:
        assert sock.connect_ex(("127.0.0.1", port)) != 0, "nothing is left behind on the port"
