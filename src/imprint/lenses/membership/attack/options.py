"""What can be chosen about the attacks."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import isfinite

from imprint.core.errors import ImprintError

LEAST_CONFIDENCE = 0.5
"""A bound that fails more often than it holds bounds nothing."""


@dataclass(frozen=True, kw_only=True)
class AttackOptions:
    """Settings of single attacks; every other attack ignores them."""

    legacy: bool = False
    """curvature_nll, curvature_lr: the published formulas, a variance in the place of sigma."""
    offline: bool = False
    """rmia, base: use OUT models alone, as if the references had been trained before."""
    gamma: float = 2.0
    """rmia: how many times likelier than a population record a record must be to beat it."""
    offline_slope: float = 0.3
    """rmia offline: slope a of P_in = a P_out + 1 - a, from 0 to 1."""
    offline_weight: float = 0.33
    """base offline: weight of the OUT term."""
    two_sided: bool = False
    """lira_offline: the density of the release instead of the paper's one-sided test."""
    reference_quantile: float = 1e-4
    """attack_r: quantile of the OUT losses."""
    population_quantile: float = 0.95
    """quantile: which quantile of the population's signal is regressed."""

    def __post_init__(self) -> None:
        self._require("gamma", self.gamma > 0 and isfinite(self.gamma), "be above 0")
        for name in ("offline_slope", "offline_weight", "reference_quantile"):
            self._require(name, 0 <= getattr(self, name) <= 1, "lie in [0, 1]")
        self._require("population_quantile", 0 < self.population_quantile < 1, "lie in (0, 1)")

    def _require(self, name: str, holds: bool, demand: str) -> None:
        if not holds:
            raise ImprintError(f"{name} {getattr(self, name):g} must {demand}")

    def alone(self) -> AttackOptions:
        """Return these settings without whatever a subclass adds."""
        return AttackOptions(**{one.name: getattr(self, one.name) for one in fields(AttackOptions)})
