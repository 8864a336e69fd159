"""Benchmarks that need Linux say so elsewhere, before they start."""

from __future__ import annotations

import importlib
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "begin"),
    [
        ("page", "main"),
        ("positions", "main"),
        ("scan", "whole"),
        ("sessions", "main"),
        ("soak", "main"),
        ("speed", "main"),
    ],
)
@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_a_benchmark_that_needs_linux_says_so(monkeypatch, module, begin, platform):
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows, where importing it fails
    monkeypatch.setattr(sys, "argv", [module])
    monkeypatch.delitem(sys.modules, f"benchmarks.{module}", raising=False)
    called = getattr(importlib.import_module(f"benchmarks.{module}"), begin)
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(SystemExit, match="run it on Linux"):
        called(*[1] * (begin == "whole"))
