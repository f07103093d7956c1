"""``membership cohort``: train many models on parts of one set, attack each by the others.

The same models show which records are memorized: how much more often models get a record right
that they were trained on.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from imprint.core.device import choose_device
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.data.choice import image_facts, open_choice
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.membership.attack_kit.run import choose_attacks
from imprint.lenses.membership.cohort.references import MIN_RECORDS
from imprint.lenses.membership.cohort_findings import CohortFindings
from imprint.lenses.membership.study.cohort.answers import CohortTables
from imprint.lenses.membership.study.cohort.attack import AttackCohort
from imprint.lenses.membership.study.cohort.gallery import MemorizedGallery
from imprint.lenses.membership.study.copies import describe_copies, distinct_pool
from imprint.lenses.membership.study.fit import warn_if_models_near_chance
from imprint.lenses.membership.study.model_signals import unmeasured_kinds
from imprint.lenses.membership.study.models import Model, trained_model, untrained_model
from imprint.lenses.membership.study.options import CohortAuditOptions, CohortChoice
from imprint.lenses.membership.study.records import RecordPool
from imprint.lenses.membership.study.signals import check_evidence, take_all_signals
from imprint.nets.fill import initial_model
from imprint.nets.load import NetworkFile, read_card
from imprint.report.model_facts import ModelAccuracy, ModelFacts
from imprint.report.summary import finish
from imprint.study.counted import part_of
from imprint.study.finding import read_finding, to_json
from imprint.study.plain import JsonObject
from imprint.study.store import Study
from imprint.train.cohort.cohort import train_cohort
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

MIN_MODELS = {"balanced": 6, "coins": 4, "legacy": 4}
"""With fewer no record has two models left on a side, as a variance needs; of a balanced cohort a
partner leaves with each target."""


def audit_cohort(options: CohortAuditOptions) -> JsonObject:
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
        findings = run_cohort(study, images, pool, options, options.seed, device)
        warnings = (
            *describe_copies(pool),
            *warn_if_models_near_chance(findings.cohort.accuracy.members, len(images.classes)),
        )
        facts = {
            **image_facts(images),
            "records": len(pool.index),
            "population": len(pool.population),
            "copies": pool.copies,
        }
        lens = to_json(replace(findings, warnings=warnings))
        return finish(study, options, facts, {"membership": lens}, cohort_facts(findings, options))


def cohort_facts(findings: CohortFindings, choice: CohortChoice) -> ModelFacts:
    """Return what the summary says of the models of a cohort."""
    accuracy = findings.cohort.accuracy
    return ModelFacts(
        architecture=choice.train.architecture,
        task="classification",
        accuracy=ModelAccuracy(members=accuracy.members, non_members=accuracy.non_members),
        models=findings.cohort.models,
    )


def run_cohort(
    study: Study,
    images: ImageSet,
    pool: RecordPool,
    choice: CohortChoice,
    seed: int,
    device: torch.device,
) -> CohortFindings:
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
    findings = attack_trained_cohort(study, images, pool, masks, choice, seed, device)
    study.run(MemorizedGallery(images=images, study=study))
    return findings


def attack_trained_cohort(
    study: Study,
    images: ImageSet,
    pool: RecordPool,
    masks: Masks,
    choice: CohortChoice,
    seed: int,
    device: torch.device,
) -> CohortFindings:
    """Train a cohort on given records, attack it and return the findings.

    Writes all of :func:`run_cohort` but the gallery.

    Raises:
        ImprintError: options that do not fit.
    """
    choose_attacks(choice.attacks, unmeasured_kinds(choice))
    signals = take_cohort_signals(
        study, images, pool, masks, choice, (derive(seed, "cohort"), seed), device, choice.controls
    )
    step = AttackCohort(choice=part_of(choice, CohortChoice), seed=seed, signals=signals)
    return read_finding(CohortFindings, study.run(step) / "findings.json")


def take_cohort_signals(
    study: Study,
    images: ImageSet,
    pool: RecordPool,
    masks: Masks,
    choice: CohortChoice,
    seeds: tuple[int, int],
    device: torch.device,
    with_untrained: bool = False,
    folder: str = "",
) -> CohortTables:
    """Train a cohort unless it is done, and take the signals of every model.

    Args:
        study: the folder.
        images: the set.
        pool: records and population.
        masks: who is trained on what.
        choice: of the cohort.
        seeds: of training, and of signals.
        device: where to compute.
        with_untrained: whether to take the signals of an untrained network as well.
        folder: within the study, where masks, models and tables go; empty for the study itself.
    """
    own = Study(study.path(folder))
    models = trained_models(own, images, pool, masks, choice, seeds[0], device)
    if with_untrained:
        weights = own.path("models") / models[0].name / WEIGHTS
        models = [*models, untrained_model(read_card(weights), seeds[1])]
    tables = take_all_signals(own, models, images, pool, choice, seeds[1], device)
    return CohortTables(pool, masks.members, images.labels, tables, study, folder)


def trained_models(
    study: Study,
    images: ImageSet,
    pool: RecordPool,
    masks: Masks,
    choice: CohortChoice,
    seed: int,
    device: torch.device,
) -> list[Model]:
    """Train one model a row of the masks, unless it is done; ``seed`` is that of the training."""
    records = View(images, pool.index, pool.centre_fraction).read(choice.train.input_size)
    run = train_cohort(study, records, masks, choice.train, seed, device)
    return [trained_model(file.parent.name, NetworkFile(file)) for file in run.weights]


def check_cohort(images: ImageSet, pool: RecordPool, choice: CohortChoice, seed: int) -> None:
    """Check the choice of a cohort before other work begins.

    Raises:
        ImprintError: too few records, unknown attacks or signals, masks that do not fit, or
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
    least = MIN_MODELS[choice.masks]
    if choice.models < least:
        raise ImprintError(
            f"{choice.models} models are too few for a cohort, in which the others are the "
            f"references of each: choose --models {least} or more"
        )
    if choice.masks == "balanced":
        return balanced_masks(records, choice.models, seed)
    if choice.masks == "coins":
        return coin_masks(records, choice.models, seed)
    published = legacy_masks()
    # From row LEGACY_ROWS on each is the complement of an earlier one: as a reference it would
    # give a model's membership away.
    if records != LEGACY_RECORDS or choice.models > LEGACY_ROWS:
        raise ImprintError(
            f"the published masks are of {LEGACY_RECORDS} records and {LEGACY_ROWS} independent "
            f"models, not {records} and {choice.models}: choose --population 0 on such a set, or "
            "--masks balanced"
        )
    return Masks(published.members[: choice.models], published.design)
