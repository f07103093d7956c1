"""``run_audit()``: from images to findings and the page, each step resumable."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from imprint.audits.given_model import audit_given_model, refuse_choices_of_a_model
from imprint.audits.options import AuditOptions
from imprint.audits.reconstruction.in_audit import check_reconstruction, reconstruct_step
from imprint.audits.seeds import pool_further_seeds, with_first_seed
from imprint.audits.steps import draft_partition, probe_step, split_step, train_step
from imprint.core.device import choose_device
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.data.choice import open_choice
from imprint.data.imageset import ImageSet
from imprint.data.split import Partition
from imprint.lenses.coverage.study.audit import audit_step as coverage_audit_step
from imprint.lenses.coverage.study.audit import check_step
from imprint.lenses.dejavu.findings import TrainingFigures
from imprint.lenses.dejavu.study.backgrounds import attacked_set
from imprint.lenses.dejavu.study.guess import searched_layer
from imprint.lenses.dejavu.study.public_images import open_elsewhere
from imprint.lenses.dejavu.study.two_model import public_of_partition, run_two_model_test
from imprint.lenses.leave_one_out.study.fit import audit_step as leave_one_out_step
from imprint.lenses.membership.study.cohort.audit import check_cohort, cohort_facts, run_cohort
from imprint.lenses.membership.study.records import RecordPool
from imprint.nets.fill import initial_model
from imprint.nets.load import NetworkFile, read_card
from imprint.report.model_facts import ModelFacts
from imprint.report.summary import finish
from imprint.study.finding import to_json
from imprint.study.plain import JsonObject
from imprint.study.store import Study
from imprint.train.cohort.job import WEIGHTS
from imprint.train.cohort.masks import MASKS, read_masks
from imprint.train.loop import FIGURES, make_card


def run_audit(options: AuditOptions) -> JsonObject:
    """Run every step of an audit that is not done yet; return the content of ``summary.json``.

    With a model, every analysis that applies is run on it; without one, two encoders and a cohort
    are trained on the images and audited.

    Raises:
        ImprintError: bad data, options that do not fit, or a study made with other settings.
    """
    if options.model is not None:
        return audit_given_model(options)
    refuse_choices_of_a_model(options)
    study = Study(options.out)
    device = choose_device(options.device)
    with study.locked():
        images = open_choice(options, options.seed)
        layer = searched_layer(options, has_projector=bool(options.train.projector))
        options = dataclasses.replace(options, layer=layer)
        data, lenses, model = _audit_encoders(study, images, options, device)
        return finish(study, options, data, lenses, model)


def _audit_encoders(
    study: Study, images: ImageSet, options: AuditOptions, device: torch.device
) -> tuple[JsonObject, JsonObject, ModelFacts | None]:
    """Train two encoders and a cohort; return facts about the images, findings, and models."""
    partition = draft_partition(images, options)
    public = public_of_partition(images, partition, open_elsewhere(options, options, images))
    attacked = attacked_set(images, partition, options, len(public.index))
    pool = membership_pool(partition, options.seed)
    check_step(options.coverage)
    check_reconstruction(images, partition, options)
    if options.membership.models:
        check_cohort(images, pool, options.membership, options.seed)
    check_encoder(images, options)
    study.run(split_step(images, options))
    missed = leave_one_out_step(
        study, images, partition, options.leave_one_out, options.seed, options.device
    )
    first = with_first_seed(options)
    checkpoints = train_step(study, images, partition, first, device, images_seed=options.seed)
    networks = {name: NetworkFile(file) for name, file in checkpoints.items()}
    data, dejavu = run_two_model_test(
        study, images, partition, attacked, networks, options, public, options.train.last_epoch
    )
    dejavu = dataclasses.replace(dejavu, training=training_figures(checkpoints))
    if options.linear_probe:
        accuracies = probe_step(study, images, partition, checkpoints, options)
        dejavu = dataclasses.replace(dejavu, linear_probe=accuracies)
    lenses = {"dejavu": to_json(dejavu), **missed}
    pooled = pool_further_seeds(study, images, partition, attacked, public, options, device)
    if pooled is not None:
        lenses["dejavu"]["pooled"] = to_json(pooled)
    if options.reconstruct.on:
        recall = reconstruct_step(study, images, partition, checkpoints, options)
        lenses["reconstruct_pair"] = to_json(recall)
    model = None
    if options.membership.models:
        findings = run_cohort(study, images, pool, options.membership, options.seed, device)
        lenses["membership"] = to_json(findings)
        model = cohort_facts(findings, options.membership)
        lenses |= coverage_step(study, images, pool, options, device)
    return data, lenses, model


def coverage_step(
    study: Study, images: ImageSet, pool: RecordPool, options: AuditOptions, device: torch.device
) -> JsonObject:
    """Return what images of no training set exercise in the cohort's first classifier."""
    members = read_masks(study.path(MASKS) / "members.npy").members[0]
    return coverage_audit_step(
        study,
        images,
        f"models/0000/{WEIGHTS}",
        {"train": pool.index[members], "test": pool.population},
        options.coverage,
        options.seed,
        device,
        options.membership.centre_fraction,
    )


def membership_pool(partition: Partition, seed: int) -> RecordPool:
    """Return A and B as the records of the cohort, and as many public images as population."""
    records = np.unique(np.concatenate([partition.train_a, partition.train_b]))
    public = generator(seed, "membership population").permutation(partition.public)
    return RecordPool(index=records, population=np.sort(public[: len(records)]))


def check_encoder(images: ImageSet, options: AuditOptions) -> None:
    """Build the network that will be trained.

    Raises:
        ImprintError: it cannot be built, or lacks the layer to be attacked.
    """
    fresh = initial_model(make_card(images, options.train, options.seed), options.seed)
    if options.layer == "projector" and not fresh.has_projector:
        raise ImprintError(
            "the network has no projector: choose --layer backbone, or widths with "
            "--train.projector"
        )


def training_figures(checkpoints: Mapping[str, Path]) -> dict[str, TrainingFigures]:
    """Return what the cards of A and B say of their last epoch: loss, spread, collapse."""
    cards = {name: read_card(checkpoints[name]).training for name in ("A", "B")}
    return {
        name: TrainingFigures(**{key: card[key] for key in FIGURES}) for name, card in cards.items()
    }
