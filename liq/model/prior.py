"""Leverage priors: which leverages traders take and how fast they turn over, as plain data with provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from liq.errors import InputError

TIERS = (500.0, 250.0, 150.0, 125.0, 100.0, 75.0, 50.0, 30.0, 20.0, 15.0, 10.0, 7.0, 5.0, 4.0, 3.0)
"""Leverages that the shipped priors spread their weight over. No venue sells 250x: the tiers beyond a market's
top leverage stand for positions whose margin is nearly gone (see `liq.model.margin.liquidation_factors`)."""

SCHEMA, READABLE = "liq.prior/2", ("liq.prior/1", "liq.prior/2")
"""Schema stated in every prior's JSON, and those that are read: the first lacks `tested`, `adopted` and `verdict`."""

CALIBRATED = Path(__file__).with_name("calibrated.json")
"""File of the shipped, fitted prior; `python -m benchmarks.ship_prior --write` makes it."""

MAX_BYTES = 65_536
"""Maximum size of an uploaded prior; one that this package wrote has about two thousand bytes."""

MAX_TIERS = 60
"""Maximum number of tiers of an uploaded prior; memory grows with each."""


@dataclass(frozen=True)
class Prior:
    """Hold one named prior: how positions are leveraged and how fast they turn over.

    leverages, weights : per tier, the leverage and the share of all opened notional that takes it; weights
        need not sum to one, since most open interest is hedged or too little leveraged to be reached.
    paces : per tier, how fast it turns over against the rest; () for all alike. Survival is taken to this power:
        positions far from their level are held for longer.
    kappa : share of traded volume that opens new positions, where open interest is known.
    phi, half_life : the same where it is not, and the hours after which half of what stands has closed.
    tested : by side (long, short), the distance from price, as a fraction, up to which the data that it was fitted on
        reached; beyond it the weights are the law's and not the data's. Empty where nothing was fitted.
    adopted, verdict : of a prior that `liq.calibrate` returns, whether it is the fit (or, false, the prior that the
        fit started from and did not beat), and why in a sentence; None and "" for all others.
    origin : where the numbers come from; data, scores : what they were fitted on and how they did.

    >>> prior = Prior("mine", "Mine", leverages=(50.0, 10.0), weights=(0.01, 0.02))
    >>> Prior.from_json(prior.to_json()) == prior
    True
    """

    name: str
    title: str
    leverages: tuple[float, ...]
    weights: tuple[float, ...]
    paces: tuple[float, ...] = ()
    kappa: float = 0.2
    phi: float = 0.2
    half_life: float = 24.0
    tested: Mapping[str, float] = field(default_factory=dict)
    adopted: bool | None = None
    verdict: str = ""
    origin: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        set_field(self, "leverages", tuple(float(value) for value in self.leverages))
        set_field(self, "weights", tuple(float(value) for value in self.weights))
        set_field(self, "paces", tuple(float(value) for value in self.paces))
        for name, values in (("weights", self.weights), ("paces", self.paces or self.leverages)):
            if not self.leverages or len(self.leverages) != len(values):
                raise InputError(f"prior {self.name!r} has {len(self.leverages)} tiers and {len(values)} {name}.")
        rows = (("leverages", self.leverages, 1.0), ("weights", self.weights, 0.0), ("paces", self.paces, 0.0))
        for name, values, low in rows:
            for row, value in enumerate(values):
                if not (np.isfinite(value) and value >= low):
                    raise InputError(
                        f"prior {self.name!r}: {name} row {row} must be at least {low:g}, not {value!r}."
                    )
        for side, reach in self.tested.items():
            if side not in ("long", "short") or not (np.isfinite(reach) and reach >= 0):
                raise InputError(f"prior {self.name!r}: tested must be distances by side, not {side!r}: {reach!r}.")
        for name, value in (("kappa", self.kappa), ("phi", self.phi), ("half_life", self.half_life)):
            if not (np.isfinite(value) and value >= 0 and (value > 0 or name != "half_life")):
                raise InputError(f"prior {self.name!r}: {name} must be positive, not {value!r}.")

    def to_json(self) -> str:
        """Return the prior as JSON text; `from_json` reads it back unchanged."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Prior:
        """Return the prior written by `to_json`; raise InputError for anything else."""
        try:
            fields = dict(json.loads(text))
            if fields.pop("schema", SCHEMA) not in READABLE:
                raise InputError(f"prior is not one that this package wrote: its schema is not {SCHEMA}.")
            prior = cls(**fields)
        except InputError:
            raise
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise InputError(f"prior is not one that this package wrote: {error}.") from None
        if not all(isinstance(text, str) for text in (prior.name, prior.title, prior.origin)):
            raise InputError("prior is not one that this package wrote: its name, title and origin must be text.")
        return prior


def _folded(leverages: np.ndarray, weights: np.ndarray) -> tuple[float, ...]:
    """Return weights over TIERS, each leverage given to the tier nearest in 1/L, normalised to one."""
    nearest = np.abs(1 / leverages[:, None] - 1 / np.array(TIERS)).argmin(axis=1)
    folded = np.bincount(nearest, weights, len(TIERS))
    return tuple(folded / folded.sum())


def _named() -> Mapping[str, Prior]:
    """Return the shipped priors by name."""
    leverages = np.arange(2.0, 126.0)
    tiers = np.array(TIERS)
    bands = [(tiers <= 3, 0.36), ((tiers > 3) & (tiers <= 7), 0.48), ((tiers > 7) & (tiers <= 40), 0.15)]
    rows = (
        Prior.from_json(CALIBRATED.read_text(encoding="utf-8")),
        Prior(
            "retail",
            "Retail",
            TIERS,
            _folded(leverages, np.where(leverages <= 25, leverages, 1.2 * np.log(leverages))),
            origin="The market leader's picture, decoded from five of its snapshots of 2024-05-24: every integer "
            "leverage to 125, weight L up to 25 and 1.2 ln L beyond. All open interest is placed, so its "
            "dollars are far too many.",
        ),
        Prior(
            "hyperliquid",
            "Hyperliquid",
            TIERS,
            tuple(np.sum([np.where(band, share / band.sum(), 0.0) for band, share in bands], axis=0)),
            origin="Measured on chain, 2025-12-15, $7.63B of open interest: 36 % below 3x, 48 % at 3x to 7x, 15 % "
            "above.",
        ),
        Prior(
            "flat",
            "Flat",
            TIERS,
            (1 / len(TIERS),) * len(TIERS),
            origin="Every tier alike; a yardstick, not a belief.",
        ),
    )
    return MappingProxyType({prior.name: prior for prior in rows})


PRIORS: Mapping[str, Prior] = _named()
"""Every named prior. A prior is data: adding one is adding a row."""


def as_prior(prior: str | Prior) -> Prior:
    """Return the prior of that name, or the prior itself; raise InputError for an unknown name.

    >>> as_prior("calibrated").name
    'calibrated'
    """
    if isinstance(prior, Prior):
        return prior
    if prior not in PRIORS:
        raise InputError(f"prior must be one of {', '.join(PRIORS)}, or a Prior, not {prior!r}.")
    return PRIORS[prior]


def read_prior(data: bytes) -> Prior:
    """Return the prior in a file that `Prior.to_json` wrote; raise InputError for anything else.

    >>> read_prior(PRIORS["flat"].to_json().encode()).title
    'Flat'
    """
    if len(data) > MAX_BYTES:
        raise InputError(f"prior has {len(data):,} bytes; one that this package wrote has a few thousand.")
    try:
        prior = Prior.from_json(data.decode())
    except UnicodeDecodeError:
        raise InputError("prior is not one that this package wrote: it is not text.") from None
    if len(prior.leverages) > MAX_TIERS:
        raise InputError(f"prior has {len(prior.leverages)} tiers; at most {MAX_TIERS} can be drawn.")
    return prior
