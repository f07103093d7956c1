"""The steps of an audit that belong to no lens: split the images, train and probe two encoders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch

from imprint.audit.options import AuditOptions
from imprint.core.arrays import IntArray
from imprint.core.device import choose_device
from imprint.core.seeds import derive
from imprint.data.choice import open_choice
from imprint.data.imageset import ImageSet
from imprint.data.split import (
    Partition,
    Partitions,
    load_partition,
    load_partitions,
    partition_images,
    save_partition,
)
from imprint.launch.local import run_tasks
from imprint.lenses.dejavu.study.online import online_attack, online_settings
from imprint.lenses.dejavu.study.two_model_steps import attacked_set
from imprint.nets.load import load_model
from imprint.study.counted import uncounted
from imprint.study.finding import write_finding
from imprint.study.json_io import read_json
from imprint.study.step import Step, card_of
from imprint.study.store import Study
from imprint.train.checkpoints import checkpoints_in
from imprint.train.linear_probe import linear_probe
from imprint.train.loop import train
from imprint.train.options import TrainOptions
from imprint.train.probe_options import ProbeOptions

SPLIT = "split"


def split_images(images: ImageSet, options: AuditOptions) -> Partitions:
    """Return the images in A, B, shared and public; with boxes where a crop needs them."""
    annotated = None if options.crop == "corner" else images.boxes()
    return partition_images(images, annotated, sizes=(options.per_class,))


@dataclass(frozen=True)
class SplitImages(Step):
    """Partition the images into A, B, shared and public."""

    images: ImageSet
    per_class: int
    annotated: bool
    options: AuditOptions = uncounted()

    artefact: ClassVar[str] = SPLIT

    def build(self, path: Path) -> None:
        """Write the index files and the manifest."""
        partitions = split_images(self.images, self.options)
        save_partition(path, partitions, self.images.fingerprint())


def split_step(study: Study, images: ImageSet, options: AuditOptions) -> Partition:
    """Return the partition of the images, in the folder ``split``."""
    annotated = options.crop != "corner" and images.boxes() is not None
    step = SplitImages(images, options.per_class, annotated, options)
    return load_partition(study.run(step), options.per_class)


@dataclass(frozen=True)
class TrainEncoder(Step):
    """Train one encoder; its seed derives from its name.

    Attributes:
        name: ``A`` or ``B``.
        train: how it is trained.
        seed: of its weights, order and augmentation.
        attack: settings of the attack while it trains; None for none.
        options: of the audit.
        indices: int64 ``[n]``, images it is trained on.
        images: where pixels come from; None opens them when they are needed.
        device: where it is trained.
    """

    name: str
    train: TrainOptions
    seed: int
    attack: Mapping[str, object] | None
    options: AuditOptions = uncounted()
    indices: IntArray = uncounted()
    images: ImageSet | None = uncounted()
    device: torch.device = uncounted()

    inputs: ClassVar[tuple[str, ...]] = (SPLIT,)
    resumable: ClassVar[bool] = True

    @property
    def artefact(self) -> str:  # type: ignore[override]  # varies with the name
        """Folder of its weights."""
        return f"models/{self.name}"

    def build(self, path: Path) -> None:
        """Train, or go on; attack it every so many epochs where that was asked for."""
        options, split = self.options, Study(self.options.out).path(SPLIT)
        images = open_choice(options, options.seed) if self.images is None else self.images
        on_epoch_end = None
        if options.attack_every:
            partition = load_partition(split, options.per_class)
            attacked = attacked_set(images, partition, options)
            on_epoch_end = online_attack(
                images, partition.public, attacked, options, options.attack_every, self.device
            )
        held_out = load_partitions(split).validation
        train(
            images, self.indices, self.train, path, self.seed, self.device, self.name, held_out,
            on_epoch_end,
        )  # fmt: skip


def encoder_step(
    name: str,
    indices: IntArray,
    options: AuditOptions,
    images: ImageSet | None,
    device: torch.device,
) -> TrainEncoder:
    """Return the step that trains encoder A or B."""
    attack = online_settings(options, options.attack_every) if options.attack_every else None
    seed = derive(options.seed, name)
    return TrainEncoder(name, options.train, seed, attack, options, indices, images, device)


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
    steps = [
        encoder_step(name, indices, options, images, device)
        for name, indices in encoder_sets(partition).items()
    ]
    missing = [
        step for step in steps if not study.is_done(step.artefact, card_of(step), step.inputs)
    ]
    if device.type == "cpu" and missing:
        tasks = [(options, step.name, step.indices) for step in missing]
        units = options.train.last_epoch * len(missing)
        what = "train " + " and ".join(step.name for step in missing)
        run_tasks(train_in_worker, tasks, what, units, unit="epoch", sharing=len(steps))
    else:
        for step in missing:
            study.run(step)
    return checkpoints_in({step.name: study.path(step.artefact) for step in steps})


def train_in_worker(options: AuditOptions, name: str, indices: IntArray) -> None:
    """Train one encoder on the CPU, opening the images anew."""
    step = encoder_step(name, indices, options, None, torch.device("cpu"))
    Study(options.out).run(step)


def encoder_sets(partition: Partition) -> dict[str, IntArray]:
    """Return the images that encoders A and B are trained on."""
    return {"A": partition.train_a, "B": partition.train_b}


@dataclass(frozen=True)
class ProbeEncoders(Step):
    """Train a linear probe on each encoder, and measure it on seen and on public images.

    Attributes:
        probe: how probes are trained.
        seed: of the audit.
        options: of the audit.
        images: where pixels come from.
        sets: int64 ``[n]`` by encoder, images it was trained on.
        checkpoints: of the encoders.
    """

    probe: ProbeOptions
    seed: int
    options: AuditOptions = uncounted()
    images: ImageSet = uncounted()
    sets: Mapping[str, IntArray] = uncounted()
    checkpoints: Mapping[str, Path] = uncounted()

    artefact: ClassVar[str] = "linear_probe.json"
    inputs: ClassVar[tuple[str, ...]] = ("models/A", "models/B")

    def build(self, path: Path) -> None:
        """Write the accuracies."""
        held_out = load_partitions(Study(self.options.out).path(SPLIT)).validation
        accuracies = {
            name: linear_probe(
                load_model(self.checkpoints[name]),
                self.images,
                indices,
                held_out,
                self.probe,
                self.options.train.second_view,
                derive(self.seed, "probe", name),
                choose_device(self.options.device),
                name,
            )
            for name, indices in self.sets.items()
        }
        write_finding(path, accuracies)


def probe_step(
    study: Study,
    images: ImageSet,
    partition: Partition,
    checkpoints: Mapping[str, Path],
    options: AuditOptions,
) -> object:
    """Return the accuracies of linear probes on A and B, as JSON values."""
    sets = encoder_sets(partition)
    step = ProbeEncoders(options.probe, options.seed, options, images, sets, checkpoints)
    return read_json(study.run(step))
