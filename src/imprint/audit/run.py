"""``run_audit()``: from images to findings and the page, each step resumable."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from imprint.audit.options import AuditOptions
from imprint.core.arrays import IntArray
from imprint.core.device import choose_device
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive, generator
from imprint.data.choice import open_choice
from imprint.data.imageset import ImageSet
from imprint.data.split import (
    Partition,
    load_partition,
    load_partitions,
    partition_images,
    save_partition,
)
from imprint.launch.local import run_tasks
from imprint.lenses.coverage.study.audit import audit_step as coverage_audit_step
from imprint.lenses.coverage.study.audit import check_step
from imprint.lenses.dejavu.study.guess import searched_layer
from imprint.lenses.dejavu.study.one_model import one_model_steps
from imprint.lenses.dejavu.study.one_model_options import OneModelOptions
from imprint.lenses.dejavu.study.online import online_attack, online_settings
from imprint.lenses.dejavu.study.two_model_steps import attacked_set, dejavu_steps
from imprint.lenses.leave_one_out.study.study import audit_step as leave_one_out_step
from imprint.lenses.membership.study.cohort.audit import check_cohort, cohort_steps
from imprint.lenses.membership.study.records import Pool
from imprint.nets.load import NetworkFile, load_model, read_card
from imprint.report.summary import finish
from imprint.study.config import to_plain
from imprint.study.store import Study, read_json, write_json
from imprint.train.checkpoints import checkpoints_in
from imprint.train.cohort.cohort import MASKS
from imprint.train.cohort.cohort_engines import WEIGHTS
from imprint.train.cohort.masks import read_masks
from imprint.train.linear_probe import linear_probe, plain_accuracies
from imprint.train.loop import FIGURES, initial_model, make_card, train


def run_audit(options: AuditOptions) -> dict[str, Any]:
    """Run every step of an audit that is not done yet; return the content of ``summary.json``.

    With a model, the steps are those of the one-model test alone.

    Raises:
        ImprintError: bad data, options that do not fit, or a study made with other settings.
    """
    if options.subject is None and options.weights_flags:
        raise ImprintError(
            f"{options.weights_flags[0]} is about the weights of --subject: give them, or leave it "
            "out (--train.mean and --train.std normalise the images that encoders are trained on)"
        )
    study = Study(options.out)
    device = choose_device(options.device)
    with study.locked():
        images = open_choice(options, options.seed)
        if options.subject is not None:
            facts, found = one_model_steps(study, images, one_model_options(options))
            return finish(study, options, facts, {"dejavu": {"one_model": found}})
        layer = searched_layer(options, has_projector=bool(options.train.projector))
        options = dataclasses.replace(options, layer=layer)
        partition = draft_partition(images, options)
        attacked = attacked_set(images, partition, options)
        pool = membership_pool(partition, options.seed)
        check_step(options.coverage)
        if options.membership.models:
            check_cohort(images, pool, options.membership, options.seed)
        check_encoder(images, options)
        split_step(study, images, options)
        missed = leave_one_out_step(
            study, images, partition, options.leave_one_out, options.seed, options.device
        )
        checkpoints = train_step(study, images, partition, options, device)
        data, dejavu = dejavu_steps(
            study,
            images,
            partition,
            attacked,
            {name: NetworkFile(file) for name, file in checkpoints.items()},
            options,
            options.train.last_epoch,
        )
        dejavu["training"] = training_figures(checkpoints)
        if options.linear_probe:
            dejavu["linear_probe"] = probe_step(study, images, partition, checkpoints, options)
        lenses = {"dejavu": dejavu, **missed}
        if options.membership.models:
            lenses["membership"] = cohort_steps(
                study, images, pool, options.membership, options.seed, device
            )
            lenses |= coverage_step(study, images, pool, options, device)
        return finish(study, options, data, lenses)


def coverage_step(
    study: Study, images: ImageSet, pool: Pool, options: AuditOptions, device: torch.device
) -> dict[str, Any]:
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


def one_model_options(options: AuditOptions) -> OneModelOptions:
    """Return the options of the one-model test that an audit's stand for."""
    flat = {**vars(options), **vars(options.one_model)}
    wanted = {field.name for field in dataclasses.fields(OneModelOptions)}
    return OneModelOptions(**{name: flat[name] for name in wanted - {"split", "trained_on"}})


def membership_pool(partition: Partition, seed: int) -> Pool:
    """Return A and B as the records of the cohort, and as many public images as population."""
    records = np.unique(np.concatenate([partition.train_a, partition.train_b]))
    public = generator(seed, "membership population").permutation(partition.public)
    return Pool(index=records, population=np.sort(public[: len(records)]))


def draft_partition(images: ImageSet, options: AuditOptions) -> Partition:
    """Return the partition of :func:`split_step`, unwritten, so that all can be checked first."""
    annotated = None if options.crop == "corner" else images.boxes()
    partitions = partition_images(images, annotated, sizes=(options.per_class,))
    return partitions.by_size[options.per_class]


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


def split_step(study: Study, images: ImageSet, options: AuditOptions) -> Partition:
    """Partition the images into A, B, shared and public, in the folder ``split``."""
    annotated = None if options.crop == "corner" else images.boxes()
    settings = {
        "data": images.fingerprint(),
        "per_class": options.per_class,
        "annotated": annotated is not None,
    }

    def build(folder: Path) -> None:
        partitions = partition_images(images, annotated, sizes=(options.per_class,))
        save_partition(folder, partitions, images.fingerprint())

    return load_partition(study.step("split", settings, build), options.per_class)


def train_step(
    study: Study,
    images: ImageSet,
    partition: Partition,
    options: AuditOptions,
    device: torch.device,
) -> dict[str, Path]:
    """Train encoders A and B, in ``models/A`` and ``models/B``; return all their checkpoints.

    On the CPU both train at once, each in a process of its own, and one that a killed audit left
    to train does so on its half of the cores, to the same bytes.
    """
    sets = {"A": partition.train_a, "B": partition.train_b}
    missing = [name for name in sets if not study.is_done(f"models/{name}", *_made(name, options))]
    if device.type == "cpu" and missing:
        tasks = [(options, name, sets[name]) for name in missing]
        units = options.train.last_epoch * len(missing)
        what = "train " + " and ".join(missing)
        run_tasks(train_in_worker, tasks, what, units, unit="epoch", sharing=len(sets))
    else:
        for name in missing:
            train_model(options, name, sets[name], images, device)
    return checkpoints_in({name: study.path(f"models/{name}") for name in sets})


def probe_step(
    study: Study,
    images: ImageSet,
    partition: Partition,
    checkpoints: Mapping[str, Path],
    options: AuditOptions,
) -> dict[str, Any]:
    """Probe A and B on the images each was trained on and on public ones."""
    sets = {"A": partition.train_a, "B": partition.train_b}
    held_out = load_partitions(study.path("split")).validation

    def build(file: Path) -> None:
        found = {
            name: linear_probe(
                load_model(checkpoints[name]),
                images,
                indices,
                held_out,
                options.probe,
                options.train.second_view,
                derive(options.seed, "probe", name),
                choose_device(options.device),
                name,
            )
            for name, indices in sets.items()
        }
        write_json(file, {name: plain_accuracies(probed) for name, probed in found.items()})

    settings = {"probe": to_plain(options.probe), "seed": options.seed}
    inputs = tuple(f"models/{name}" for name in sets)
    found: dict[str, Any] = read_json(study.step("linear_probe.json", settings, build, inputs))
    return found


def training_figures(checkpoints: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    """Return what the cards of A and B say of their last epoch: loss, spread, collapse."""
    cards = {name: read_card(checkpoints[name]).training for name in ("A", "B")}
    return {name: {key: card[key] for key in FIGURES} for name, card in cards.items()}


def train_in_worker(options: AuditOptions, name: str, indices: IntArray) -> None:
    """Train one encoder on the CPU, opening the images anew."""
    images = open_choice(options, options.seed)
    train_model(options, name, indices, images, torch.device("cpu"))


def train_model(
    options: AuditOptions, name: str, indices: IntArray, images: ImageSet, device: torch.device
) -> None:
    """Train one encoder into ``models/NAME``; its seed derives from its name."""
    study = Study(options.out)
    held_out = load_partitions(study.path("split")).validation
    seed = derive(options.seed, name)

    def build(folder: Path) -> None:
        on_epoch_end = None
        if options.attack_every:
            partition = load_partition(study.path("split"), options.per_class)
            attacked = attacked_set(images, partition, options)
            every = options.attack_every
            on_epoch_end = online_attack(images, partition.public, attacked, options, every, device)
        train(images, indices, options.train, folder, seed, device, name, held_out, on_epoch_end)

    settings, inputs = _made(name, options)
    study.step(f"models/{name}", settings, build, inputs, resumable=True)


def _made(name: str, options: AuditOptions) -> tuple[dict[str, Any], tuple[str, ...]]:
    settings: dict[str, Any] = {
        "train": to_plain(options.train),
        "seed": derive(options.seed, name),
    }
    if options.attack_every:
        settings["attack"] = online_settings(options, options.attack_every)
    return settings, ("split",)
