"""Options of a study: one thing is varied, all else fixed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from imprint.core.bounds import Bounds
from imprint.launch.options import ManyTasks
from imprint.lenses.membership.study.options import CohortChoice, PoolChoice
from imprint.study.option_types import Formerly, Integers, Names, Numbers
from imprint.study.options import Common, DataChoice

Over = Literal["models", "size", "epsilon", "curvature"]


@dataclass(frozen=True, kw_only=True)
class StudyOptions(ManyTasks, PoolChoice, CohortChoice, DataChoice, Common):
    """Vary one thing and attack at every value.

    models: the number of reference models. size: how many records are trained on. epsilon: the
    privacy budget. curvature: step, probes and views of the input-loss curvature.
    """

    over: Over
    """What is varied."""
    values: Numbers = ()
    """Values to compare; empty for 2,4,8,… models, three sizes, budgets 1,4,16, or steps 0.0001 …
    0.1."""
    attacks: Annotated[Names, Formerly("attack")] = (
        "stacked",
        "lira_shrunk",
        "lira",
        "lira_fixed",
        "rmia",
        "base",
        "attack_r",
        "curvature_lr",
        "attack_p",
        "loss",
    )
    """Attacks to run, or all; one that lacks what it needs is skipped with the reason."""
    masks: Literal["balanced", "coins"] = "coins"
    """Which model is trained on which record: fair coins, or every record in exactly half of the
    models (not over
    models: the counts in a part of a balanced cohort reveal who was a member)."""
    subsets: Annotated[int, Bounds(least=1)] = 5
    """Over models: random choices of references for each target and number of them."""
    order: Path | None = None
    """Over size: also take images in this order: an .npy file of their indices, or the folder of a
    cohort, whose images are ordered by rising memorization."""
    hardest_first: bool = False
    """Over size: go through the order from its end."""
    curvature_probe_counts: Annotated[Integers, Bounds(least=1), Formerly("probe_counts")] = (
        1,
        4,
        10,
    )
    """Over curvature: random directions, to be combined with every step."""
