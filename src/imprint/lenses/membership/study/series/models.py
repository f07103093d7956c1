"""How attacks do with more and more reference models, and from how many on more add nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.data.imageset import ImageSet
from imprint.lenses.membership.attack.attack import ATTACKS
from imprint.lenses.membership.attack.run import choose_attacks
from imprint.lenses.membership.cohort.references import Cohort
from imprint.lenses.membership.cohort.saturation import (
    ByReferences,
    Strength,
    by_references,
    choose_sizes,
    gains,
    over_targets,
    saturated_at,
)
from imprint.lenses.membership.study.cohort.audit import draw_masks, read_models, trained_models
from imprint.lenses.membership.study.copies import distinct_pool
from imprint.lenses.membership.study.options import CohortChoice
from imprint.lenses.membership.study.series.options import StudyOptions
from imprint.lenses.membership.study.signals import ModelSignals, make_evidence, take_all_signals
from imprint.stats import LEAST_FALSE_POSITIVES, within_unit
from imprint.study.json_io import read_json, write_json
from imprint.study.step_settings import card_settings
from imprint.study.store import Study
from imprint.train.cohort.cohort import MASKS

FPR = 0.01


def study_models(
    study: Study, images: ImageSet, options: StudyOptions, device: torch.device
) -> dict[str, Any]:
    """Train one cohort and attack each model of it with growing numbers of the others.

    Raises:
        ImprintError: masks that are not coins, no attack, or numbers that the cohort cannot give.
    """
    if options.masks != "coins":
        raise ImprintError(
            "in a part of a balanced cohort the number of models trained on a record tells who was "
            "a member: choose --masks coins"
        )
    seed = options.seed
    attacks, sizes = choose_attacks(options.attacks), choose_sizes(options.models, options.values)
    pool = distinct_pool(images, options.records, options.population, seed)
    masks = draw_masks(options, len(pool.index), derive(seed, "cohort"))
    models = trained_models(study, images, pool, masks, options, derive(seed, "cohort"), device)
    made = take_all_signals(study, models, images, pool, options, seed, device)

    def build(file: Path) -> None:
        answers = read_models(study, made, models, pool)
        cohort, others = as_cohort(answers, masks.members)
        found = by_references(
            cohort, attacks, sizes, options.subsets, FPR, options.attack_settings, others, seed
        )
        write_json(file, {**tell(found), "accuracy": accuracies(answers, masks.members)})

    settings = {
        **card_settings(options, CohortChoice, without=("train",)),
        "sizes": list(sizes),
        "subsets": options.subsets,
        "seed": seed,
    }
    inputs = (*(name for names in made.values() for name in names), MASKS)
    facts = {"models": len(models), "records": len(pool.index), "population": len(pool.population)}
    return {**facts, **read_json(study.step("by_references.json", settings, build, inputs))}


def as_cohort(
    answers: list[ModelSignals], masks: BoolArray
) -> tuple[Cohort, dict[str, FloatArray]]:
    """Return models as references of one another, and the signals they have as targets alone."""
    references = make_evidence(answers[0], answers, masks).references
    assert references is not None
    return references.cohort, {"mentr": np.stack([model.target["mentr"] for model in answers])}


def accuracies(answers: list[ModelSignals], masks: BoolArray) -> dict[str, Any]:
    """Return the share that models get right: of their members, of others, of the population."""
    right = np.stack([model.correct for model in answers])
    apart = np.stack([model.population_correct for model in answers])
    return {
        "members": float(right[masks].mean()),
        "non_members": float(right[~masks].mean()),
        "population": float(apart.mean()) if apart.size else {"missing": "there is none"},
    }


def tell(found: ByReferences) -> dict[str, Any]:
    """Return points, gains and, of attacks that use references, saturation as JSON values.

    Raises:
        ImprintError: every attack was skipped.
    """
    if not found.strengths:
        told = "; ".join(f"{name} {reason}" for name, reason in found.skipped.items())
        raise ImprintError(f"no attack can be run: {told}")
    points = [
        {
            "value": size,
            "name": f"{size} models",
            "attacks": {
                name: _point(strength, place) for name, strength in found.strengths.items()
            },
        }
        for place, size in enumerate(found.sizes)
    ]
    saturation = {}
    judged = [name for name in found.strengths if ATTACKS.get(name).sides != "none"]
    for name in judged:
        strength = found.strengths[name]
        steps = gains(strength.auc, strength.auc_without)
        values = [
            over_targets(strength.auc[place], strength.auc_without[:, place])
            for place in range(len(found.sizes))
        ]
        enough = saturated_at(found.sizes, values, steps)
        saturation[name] = {
            "models": enough
            if enough
            else {"missing": "the last step still gains more than noise: train more models"},
            "gains": [
                {"to": size, **step.to_dict()}
                for size, step in zip(found.sizes[1:], steps, strict=True)
            ],
        }
    return {"points": points, "saturation": saturation, "skipped": dict(found.skipped)}


def _point(strength: Strength, place: int) -> dict[str, Any]:
    auc, tpr = strength.auc[place], strength.tpr[place]
    rate: dict[str, Any] = {
        "missing": f"a model has too few non-members for {LEAST_FALSE_POSITIVES} expected false "
        f"positives at an FPR of {FPR:g}"
    }
    if np.isfinite(tpr).all():
        rate = within_unit(over_targets(tpr, strength.tpr_without[:, place])).to_dict()
    return {
        "auc": within_unit(over_targets(auc, strength.auc_without[:, place])).to_dict(),
        "tpr_at_fpr": {f"{FPR:g}": rate},
        "spread_over_subsets": float(auc.std(axis=0, ddof=1).mean()) if len(auc) > 1 else None,
    }
