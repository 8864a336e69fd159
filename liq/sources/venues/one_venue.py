"""ccxt for one venue alone, in a process that asks no other: importing all of its hundred takes 60 MB more."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

PACKAGES = ("ccxt", "ccxt.async_support", "ccxt.pro")
"""Packages of ccxt whose `__init__` imports every venue: requests, and the two that streams need."""


def import_alone(venue: str) -> bool:
    """Make `import ccxt` and `import ccxt.pro` mean one venue's classes from now on; return whether that worked.

    For a process of our own that runs no other code, such as a collector. Where ccxt is arranged otherwise than it is
    today, everything is taken back, and `import ccxt` imports all of it as ever.

    >>> import_alone.__name__  # it would hold for the rest of this process
    'import_alone'
    """
    if "ccxt" in sys.modules:
        return False
    try:
        ccxt: Any = _empty_package("ccxt")
        errors = importlib.import_module("ccxt.base.errors")
        vars(ccxt).update({name: value for name, value in vars(errors).items() if isinstance(value, type)})
        ccxt.Exchange = importlib.import_module("ccxt.base.exchange").Exchange
        for package in PACKAGES:
            parent = sys.modules.get(package) or _empty_package(package)
            setattr(parent, venue, getattr(importlib.import_module(f"{package}.{venue}"), venue))
    except Exception:  # whatever another version does, it is no reason not to collect
        for name in [name for name in sys.modules if name.split(".")[0] == "ccxt"]:
            del sys.modules[name]
        return False
    return True


def _empty_package(name: str) -> ModuleType:
    """Return a package whose modules can be imported, without what it imports itself."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ImportError(name)
    package = sys.modules[name] = importlib.util.module_from_spec(spec)
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, package)
    return package
