"""What can be chosen about the attacks."""

from __future__ import annotations

from dataclasses import dataclass


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
