"""Every public function has an example in its docstring, and every example does what it shows."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import FunctionType

import pytest

import liq

MODULES = [found.name for found in pkgutil.walk_packages(liq.__path__, "liq.") if not found.name.endswith("__main__")]

EXEMPT: dict[str, str] = {}
"""Functions, or modules with all their functions, that have no example, each with the reason."""


def public_functions() -> Iterator[tuple[str, FunctionType]]:
    """Yield the name and function of every public function of the package, where it is defined."""
    for name in MODULES:
        for key, value in vars(importlib.import_module(name)).items():
            function = inspect.unwrap(value) if callable(value) else value
            if isinstance(function, FunctionType) and function.__module__ == name and not key.startswith("_"):
                yield f"{name}.{key}", function


def is_exempt(name: str) -> bool:
    """Return whether a function, or its module, is in EXEMPT."""
    return any(name == key or name.startswith(f"{key}.") for key in EXEMPT)


@pytest.mark.parametrize("module", MODULES)
def test_examples_do_what_they_show(module):
    result = doctest.testmod(importlib.import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


def test_every_public_function_has_an_example():
    missing = [name for name, function in public_functions() if ">>>" not in (function.__doc__ or "")]
    assert [name for name in missing if not is_exempt(name)] == []


def test_the_public_face_has_examples_without_exception():
    for name in liq.__all__:
        value = getattr(liq, name)
        if inspect.isclass(value) and issubclass(value, Exception):
            continue
        if callable(value):
            assert ">>>" in (value.__doc__ or ""), name


def test_every_exemption_is_needed_and_says_why():
    missing = {name for name, function in public_functions() if ">>>" not in (function.__doc__ or "")}
    for key, reason in EXEMPT.items():
        assert any(name == key or name.startswith(f"{key}.") for name in missing), key
        assert len(reason) > 10, key
