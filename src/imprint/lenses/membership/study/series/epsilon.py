"""What a privacy budget leaves of every attack, beside the most that it allows.

One cohort a budget and one without privacy, of the same network on the same records, each with
masks, weights and noise of its own. References are trained with the budget of the target. The
limits are those of the definition at the accounted (ε, δ),
:mod:`imprint.lenses.membership.privacy.theory`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from imprint.core.errors import ImprintError
from imprint.data.imageset import ImageSet
from imprint.lenses.membership.privacy.theory import greatest_auc, greatest_tpr
from imprint.lenses.membership.study.copies import distinct_pool
from imprint.lenses.membership.study.records import RecordPool
from imprint.lenses.membership.study.series.kinds import STUDIES
from imprint.lenses.membership.study.series.options import StudyOptions
from imprint.lenses.membership.study.series.points import cohort_point, point_masks, point_study
from imprint.lenses.membership.study_findings import (
    AccountedBudget,
    BudgetStudy,
    NoiseRange,
    TheoryLimits,
)
from imprint.nets import group_norm
from imprint.nets.load import read_card
from imprint.study.store import Study
from imprint.train.cohort.options import CohortOptions
from imprint.train.cohort.plan import plan_models

BUDGETS = (1.0, 4.0, 16.0)
FPRS = (0.1, 0.01, 0.001)
WITHOUT = "no privacy"


@STUDIES.register("epsilon")
def study_epsilon(
    study: Study, images: ImageSet, options: StudyOptions, device: torch.device
) -> BudgetStudy:
    """Train one cohort a budget and one without, and attack each.

    Raises:
        ImprintError: no budget above 0, or options of training that fix one already.
    """
    if options.train.private:
        raise ImprintError(
            "the budget is what is varied: leave out --train.epsilon and --train.noise-multiplier"
        )
    budgets = sorted(set(options.values or BUDGETS))
    if budgets[0] <= 0:
        raise ImprintError(f"a budget of {budgets[0]:g}: ε must be above 0")
    pool = distinct_pool(images, options.records, options.population, options.seed)
    _check_budgets(budgets, pool, options)
    points = []
    for budget in [*budgets, None]:
        name = _name(budget)
        chosen = replace(options, train=with_budget(options.train, budget))
        point = cohort_point(study, images, pool, name, budget, chosen, device)
        if budget is not None:
            privacy = read_budget(point_study(study, name), range(options.models))
            point = replace(point, privacy=privacy, allowed=limits_of(privacy))
        points.append(point)
    return BudgetStudy(points=tuple(points))


def _name(budget: float | None) -> str:
    return WITHOUT if budget is None else f"epsilon {budget:g}"


def _check_budgets(budgets: Sequence[float], pool: RecordPool, options: StudyOptions) -> None:
    """Refuse a budget that cannot be trained to before the first cohort is trained."""
    from imprint.train.cohort.private import check_noise

    for budget in budgets:
        train = with_budget(options.train, budget)
        masks = point_masks(options, _name(budget), pool)
        check_noise(plan_models(masks.members, range(options.models), train, 0), train)


def with_budget(train: CohortOptions, budget: float | None) -> CohortOptions:
    """Return how to train under a budget, or the same network without one.

    DP-SGD cannot have batch normalisation; the network without a budget goes without it too.
    """
    if budget is not None:
        return replace(train, epsilon=budget)
    return replace(
        train,
        architecture=group_norm.ARCHITECTURE,
        architecture_options=(("of", train.architecture), *train.architecture_options),
    )


def read_budget(point: Study, models: Sequence[int]) -> AccountedBudget:
    """Return the greatest ε that was accounted for a model of a cohort."""
    cards = [
        read_card(point.path(f"models/{model:04d}/final.safetensors")).training["privacy"]
        for model in models
    ]
    largest = max(cards, key=lambda card: float(card["epsilon"]))
    noises = [float(card["noise"]) for card in cards]
    return AccountedBudget(
        float(largest["epsilon"]),
        float(largest["delta"]),
        str(largest["accountant"]),
        NoiseRange(min(noises), max(noises)),
    )


def limits_of(privacy: AccountedBudget) -> TheoryLimits:
    """Return the most that a budget allows any attack."""
    epsilon, delta = privacy.epsilon, privacy.delta
    return TheoryLimits(
        float(greatest_auc(epsilon, delta)),
        {f"{fpr:g}": float(greatest_tpr(fpr, epsilon, delta)) for fpr in FPRS},
    )
