"""``membership cohort``: many models on parts of one set, each attacked and judged by the others.

The same models tell which records are memorized: how much more often models get a record right
that they were trained on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from imprint.core.device import choose_device
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.data.choice import image_facts, open_choice
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.membership.attack.run import choose_attacks
from imprint.lenses.membership.cohort.evaluation import MIN_RECORDS
from imprint.lenses.membership.study.cohort.answers import CohortAnswers
from imprint.lenses.membership.study.cohort.findings import find_cohort
from imprint.lenses.membership.study.cohort.gallery import memorized_gallery_step
from imprint.lenses.membership.study.copies import describe_copies, distinct_pool
from imprint.lenses.membership.study.cost import count_queries
from imprint.lenses.membership.study.fit import warn_if_models_near_chance
from imprint.lenses.membership.study.models import UNTRAINED, Model, trained_model, untrained_model
from imprint.lenses.membership.study.options import CohortAuditOptions, CohortChoice
from imprint.lenses.membership.study.records import Pool
from imprint.lenses.membership.study.signals import (
    ModelSignals,
    check_evidence,
    read_signals,
    take_all_signals,
    unmeasured_kinds,
)
from imprint.nets.fill import initial_model
from imprint.nets.load import NetworkFile, read_card
from imprint.report.summary import finish
from imprint.study.json_io import read_json
from imprint.study.step_settings import card_settings
from imprint.study.store import Study
from imprint.train.cohort.cohort import MASKS, train_cohort
from imprint.train.cohort.job import WEIGHTS
from imprint.train.cohort.masks import (
    LEGACY_RECORDS,
    LEGACY_ROWS,
    Masks,
    balanced_masks,
    coin_masks,
    legacy_masks,
)
from imprint.train.cohort.plan import cohort_card

LEAST_MODELS = {"balanced": 6, "coins": 4, "legacy": 4}
"""With fewer no record has two models left on a side, as a spread needs; of a balanced cohort a
partner leaves with each target."""


def audit_cohort(options: CohortAuditOptions) -> dict[str, Any]:
    """Run every step that is not done yet; return the content of ``summary.json``.

    Raises:
        ImprintError: images that cannot be used, options that do not fit, or a study made with
            other settings.
    """
    study = Study(options.out)
    with study.locked():
        images = open_choice(options, options.seed)
        device = choose_device(options.device)
        pool = distinct_pool(
            images,
            options.records,
            options.population,
            options.seed,
            keep=options.masks == "legacy",
        )
        findings = cohort_steps(study, images, pool, options, options.seed, device)
        findings["warnings"] = [
            *describe_copies(pool),
            *warn_if_models_near_chance(
                findings["cohort"]["accuracy"]["members"], len(images.classes)
            ),
        ]
        facts = {
            **image_facts(images),
            "records": len(pool.index),
            "population": len(pool.population),
            "copies": pool.copies,
        }
        return finish(study, options, facts, {"membership": findings})


def cohort_steps(
    study: Study,
    images: ImageSet,
    pool: Pool,
    choice: CohortChoice,
    seed: int,
    device: torch.device,
) -> dict[str, Any]:
    """Train the cohort, take its signals, attack it; return the findings.

    Writes ``masks``, ``models/<id>``, ``tables/signals``, ``tables/curvature``, ``membership`` and
    ``gallery/memorized``.

    Args:
        study: the folder; the caller holds its lock.
        images: the set.
        pool: which of its images models are trained on, and which stay apart.
        choice: of the cohort.
        seed: of the study.
        device: where to compute.

    Raises:
        ImprintError: too few models or records, or options that do not fit.
    """
    check_cohort(images, pool, choice, seed)
    masks = draw_masks(choice, len(pool.index), derive(seed, "cohort"))
    pool = replace(pool, centre_fraction=choice.centre_fraction)
    findings = attack_steps(study, images, pool, masks, choice, seed, device)
    memorized_gallery_step(study, images)
    return findings


def attack_steps(
    study: Study,
    images: ImageSet,
    pool: Pool,
    masks: Masks,
    choice: CohortChoice,
    seed: int,
    device: torch.device,
) -> dict[str, Any]:
    """Train a cohort on given records, attack it and return the findings.

    Writes all of :func:`cohort_steps` but the gallery.

    Raises:
        ImprintError: options that do not fit.
    """
    attacks = choose_attacks(choice.attacks, unmeasured_kinds(choice))
    models = trained_models(study, images, pool, masks, choice, derive(seed, "cohort"), device)
    weights = study.path("models") / models[0].name / WEIGHTS
    blank = [untrained_model(read_card(weights), seed)] if choice.controls else []
    made = take_all_signals(study, [*models, *blank], images, pool, choice, seed, device)

    def build(folder: Path) -> None:
        answers = read_models(study, made, models, pool)
        untrained = read_signals(study, made[UNTRAINED], pool) if blank else None
        found = CohortAnswers(
            answers,
            untrained,
            masks.members,
            pool,
            images.labels,
            count_queries(choice),
        )
        find_cohort(folder, found, attacks, choice.attack_settings, seed)

    settings = {**card_settings(choice, CohortChoice, without=("train",)), "seed": seed}
    inputs = (*(name for names in made.values() for name in names), MASKS)
    return dict(read_json(study.step("membership", settings, build, inputs) / "findings.json"))


def trained_models(
    study: Study,
    images: ImageSet,
    pool: Pool,
    masks: Masks,
    choice: CohortChoice,
    seed: int,
    device: torch.device,
) -> list[Model]:
    """Train one model a row of the masks, unless it is done; ``seed`` is that of the training."""
    records = View(images, pool.index, pool.centre_fraction).read(choice.train.input_size)
    run = train_cohort(study, records, masks, choice.train, seed, device)
    return [trained_model(file.parent.name, NetworkFile(file)) for file in run.weights]


def check_cohort(images: ImageSet, pool: Pool, choice: CohortChoice, seed: int) -> None:
    """Tell mistakes in the choice of a cohort before other work begins.

    Raises:
        ImprintError: too few records, attacks or signals that are none, masks that do not fit, or
            a network that cannot be built.
    """
    if len(pool.index) < MIN_RECORDS:
        raise ImprintError(
            f"{len(pool.index)} records are too few for a cohort, which takes {MIN_RECORDS}: "
            "give more images, or leave it out of an audit (--membership.models 0)"
        )
    check_evidence(choice, seed)
    draw_masks(choice, len(pool.index), derive(seed, "cohort"))
    initial_model(cohort_card(images, choice.train), seed)


def draw_masks(choice: CohortChoice, records: int, seed: int) -> Masks:
    """Return who is trained on what.

    Raises:
        ImprintError: fewer than four models, or legacy masks of another set.
    """
    least = LEAST_MODELS[choice.masks]
    if choice.models < least:
        raise ImprintError(
            f"{choice.models} models are too few for a cohort, in which others judge each of "
            f"them: choose --models {least} or more"
        )
    if choice.masks == "balanced":
        return balanced_masks(records, choice.models, seed)
    if choice.masks == "coins":
        return coin_masks(records, choice.models, seed)
    published = legacy_masks()
    # From row LEGACY_ROWS on each is the complement of an earlier one: judged by it, a model's
    # membership would be told.
    if records != LEGACY_RECORDS or choice.models > LEGACY_ROWS:
        raise ImprintError(
            f"the published masks are of {LEGACY_RECORDS} records and {LEGACY_ROWS} independent "
            f"models, not {records} and {choice.models}: choose --population 0 on such a set, or "
            "--masks balanced"
        )
    return Masks(published.members[: choice.models], published.design)


def read_models(
    study: Study, made: Mapping[str, tuple[str, ...]], models: Sequence[Model], pool: Pool
) -> list[ModelSignals]:
    """Return what every model says of the records; ``made`` as from :func:`take_all_signals`."""
    return [read_signals(study, made[model.name], pool) for model in models]
