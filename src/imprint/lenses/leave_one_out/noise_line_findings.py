"""Findings of straight lines from uniform noise to removed records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.stats.estimate import Estimate

Floats = tuple[float, ...]


@dataclass(frozen=True)
class NoiseLineCurve:
    """A measure along the lines over its value at the record, ``[t]`` each.

    Attributes:
        median: over records; of several lines to one record their mean counts.
        low: lower ends of its 95 % intervals over records.
        high: upper ends.
    """

    median: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class NoiseLineFindings:
    """Leave-one-out distinguishability on the way from uniform noise to the removed record.

    Attributes:
        records: removed ones.
        lines: to each of them.
        noise: variance of the fit.
        shares: of the way, from 0 (noise) to 1 (the record).
        curves: by measure; of the AUC, what is above ½.
        at_noise: share of the bound on any query that KL(out ‖ in) has at the noise.
        half_way: share of the way from which KL(out ‖ in) is at least half of that at the record.
        rising: share of lines along which KL(out ‖ in) never falls.
        largest: share of lines along which KL(out ‖ in) is greatest at the record, as it must be.
    """

    records: int
    lines: int
    noise: float
    shares: Floats
    curves: Mapping[str, NoiseLineCurve]
    at_noise: Estimate
    half_way: Estimate
    rising: Estimate
    largest: float
