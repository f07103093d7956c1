"""Options of what is predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imprint.core.bounds import Checked

TargetScaling = Literal["standardised", "raw"]


@dataclass(frozen=True, kw_only=True)
class TargetChoice(Checked):
    """What the y of --arrays is."""

    targets: Literal["classes", "values"] = "classes"
    """What y of --arrays holds: one class a record (classes, whole numbers [n]), or real values
    (values, [n] or [n, c])."""
    target_scaling: TargetScaling = "standardised"
    """Real values are fitted with mean 0 and variance 1 an output, so that a noise variance means
    the same in every unit (standardised), or as they are (raw). Results are in their units."""
