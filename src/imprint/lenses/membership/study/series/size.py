"""How attacks do on models trained on few and on many records.

A size m is a cohort on 2m records, each in half of the models: as many members as non-members, and
references trained on as much as the target. The records of a size are among those of every larger
one.

Records may also be taken in an order, of difficulty say. A model trained on the first m of them is
told from the next m by their order alone: that measures difficulty, whatever was learnt. So three
numbers stand side by side: ``order``, such a model attacked on the first 2m; ``control``, a cohort
on the same 2m records by independent coins, where only membership can be told; ``difficulty``, how
well the loss of models that never saw a record tells the first m from the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from imprint.core.arrays import BoolArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive, generator
from imprint.data.imageset import ImageSet
from imprint.lenses.membership.attack.attack import Attack, AttackSettings
from imprint.lenses.membership.attack.evaluation import evaluate
from imprint.lenses.membership.attack.run import choose_attacks
from imprint.lenses.membership.cohort.evaluation import MIN_RECORDS, evaluate_cohort
from imprint.lenses.membership.cohort.references import Cohort
from imprint.lenses.membership.study.cohort.audit import read_models, trained_models
from imprint.lenses.membership.study.copies import distinct_pool
from imprint.lenses.membership.study.options import CohortChoice
from imprint.lenses.membership.study.orders import read_order
from imprint.lenses.membership.study.records import Pool
from imprint.lenses.membership.study.series.options import StudyOptions
from imprint.lenses.membership.study.series.points import (
    cohort_point,
    point_folder,
    point_masks,
    point_seed,
    point_study,
)
from imprint.lenses.membership.study.signals import ModelSignals, make_evidence, take_all_signals
from imprint.lenses.membership.study.trials import list_trials
from imprint.study.finding import to_json
from imprint.study.json_io import read_json, write_json
from imprint.study.step_settings import card_settings
from imprint.study.store import Study
from imprint.train.cohort.masks import Masks, ordered_subsets

ORDERED_TARGETS = 4
"""Models trained on the very same first records, to average over what training draws."""


def study_sizes(
    study: Study, images: ImageSet, options: StudyOptions, device: torch.device
) -> dict[str, Any]:
    """Train and attack one cohort a size, and with an order two more.

    Raises:
        ImprintError: sizes that the images cannot give, or an order that does not fit.
    """
    pool = distinct_pool(images, options.records, options.population, options.seed)
    index, order = pool.index, None
    if options.order is not None:
        order = read_order(options.order, images)
        order = order[np.isin(order, index)]
        order = order[::-1] if options.hardest_first else order
        index = np.sort(order)
    sizes = choose_set_sizes(len(index), options.values)
    mixed = generator(options.seed, "sizes").permutation(index)
    points = []
    for size in sizes:
        part = Pool(index=np.sort(mixed[: 2 * size]), population=pool.population)
        point = cohort_point(study, images, part, f"size {size}", size, options, device)
        points.append({**point, "records_are": "random"})
    for size in sizes if order is not None else ():
        assert order is not None
        points += _ordered_points(study, images, order[: 2 * size], pool, options, device)
    return {"points": points}


def choose_set_sizes(records: int, wanted: Sequence[float]) -> list[int]:
    """Return the sizes of the training sets, rising: those wanted, or 1/8, 1/4, 1/2 of the records.

    >>> choose_set_sizes(800, ())
    [100, 200, 400]

    Raises:
        ImprintError: a size that is not whole, or more than half of the records.
    """
    least = MIN_RECORDS // 2
    for size in wanted:
        if size != int(size) or not least <= size <= records // 2:
            raise ImprintError(
                f"a training set of {size:g} records: as many again are needed as non-members, so "
                f"of {records} records choose whole numbers from {least} to {records // 2}"
            )
    found = sorted({int(size) for size in wanted} or {records // part for part in (8, 4, 2)})
    if found[0] < least:
        raise ImprintError(f"{records} records are too few for a study of sizes: give more images")
    return found


def _ordered_points(
    study: Study,
    images: ImageSet,
    order: IntArray,
    whole: Pool,
    options: StudyOptions,
    device: torch.device,
) -> list[dict[str, Any]]:
    """Return the control on the first 2m records of an order, and what the order itself shows."""
    size = len(order) // 2
    pool = Pool(index=np.sort(order), population=whole.population)
    first = np.isin(pool.index, order[:size])
    name = f"size {size} control"
    control = cohort_point(study, images, pool, name, size, options, device)
    shown = _attack_ordered(study, images, pool, first, name, options, device)
    return [
        {**control, "records_are": "control"},
        {
            "value": size,
            "name": f"size {size} order",
            "records_are": "order",
            "measures": "difficulty",
            "models": ORDERED_TARGETS,
            "records": 2 * size,
            **shown,
        },
    ]


def _attack_ordered(
    study: Study,
    images: ImageSet,
    pool: Pool,
    first: BoolArray,
    control: str,
    options: StudyOptions,
    device: torch.device,
) -> dict[str, Any]:
    """Train on the first records of an order and attack, with the control's models as references.

    Signals are taken with the seed of the control: its models and these are probed alike.
    """
    name, seed = control.replace("control", "order"), point_seed(options, control)
    tables = {}
    masks = {
        control: point_masks(options, control, pool),
        name: repeat(first, ORDERED_TARGETS),
    }
    trained = {control: derive(seed, "cohort"), name: derive(seed, "ordered")}
    models = {
        key: trained_models(
            point_study(study, key), images, pool, masks[key], options, trained[key], device
        )
        for key in masks
    }
    for key in masks:
        own = point_study(study, key)
        tables[key] = take_all_signals(own, models[key], images, pool, options, seed, device)

    def build(file: Path) -> None:
        answers = {
            key: read_models(point_study(study, key), tables[key], models[key], pool)
            for key in masks
        }
        found = judge_ordered(
            answers[name],
            answers[control],
            masks[control].members,
            first,
            choose_attacks(options.attacks),
            options.attack_settings,
            options.seed,
        )
        write_json(file, found)

    settings = {
        **card_settings(options, CohortChoice, without=("train",)),
        "first": masks[name].hash(),
        "seed": options.seed,
    }
    inputs = tuple(
        f"{point_folder(key)}/{table}"
        for key in masks
        for made in tables[key].values()
        for table in made
    )
    folder = point_folder(name)
    found = read_json(study.step(f"{folder}/membership.json", settings, build, inputs))
    return dict(found)


def judge_ordered(
    targets: Sequence[ModelSignals],
    references: Sequence[ModelSignals],
    masks: BoolArray,
    first: BoolArray,
    attacks: Sequence[Attack],
    options: AttackSettings,
    seed: int,
) -> dict[str, Any]:
    """Return what attacks make of models trained on the first records of an order.

    Args:
        targets: of the models that were trained on the first records.
        references: of the control's models.
        masks: bool ``[K, N]``, who of these was trained on what.
        first: bool ``[N]``.
        attacks: which.
        options: of them.
        seed: of halves and of the bootstrap.
    """
    shown = [make_evidence(target, references, masks) for target in targets]
    found, skipped = {}, {}
    for trial in list_trials(attacks, shown[0]):
        looks = [trial.restrict(one) for one in shown]
        reason = trial.attack.missing(looks[0])
        if reason is not None:
            skipped[trial.name] = reason
            continue
        scores = np.stack([trial.attack.score(look, options) for look in looks])
        members = np.tile(first, (len(scores), 1))
        found[trial.name] = to_json(evaluate_cohort(scores, members, seed=seed))
    judges = shown[0].reference_models.cohort
    right = np.stack([target.correct for target in targets])
    return {
        "attacks": found,
        "skipped": skipped,
        "difficulty": difficulty(judges, first, seed),
        "accuracy": {
            "members": float(right[:, first].mean()),
            "non_members": float(right[:, ~first].mean()),
        },
    }


def difficulty(cohort: Cohort, first: BoolArray, seed: int) -> dict[str, Any]:
    """Return how well the mean loss of OUT models tells the first records from the others.

    No model that enters was trained on the record it speaks of: there is no membership in it.
    """
    outside = ~cohort.members
    known = outside.any(axis=0)
    total = (cohort.values("loss")[:, 0] * outside).sum(axis=0)
    loss = total[known] / outside.sum(axis=0)[known]
    return dict(to_json(evaluate(-loss, first[known], seed=seed)))


def repeat(first: BoolArray, count: int) -> Masks:
    """Return masks of ``count`` models that are all trained on the same first records."""
    order = np.argsort(~first, kind="stable")
    return ordered_subsets(order, [int(first.sum())] * count)
