"""The encoders of the two-model test: the split of the images, training, linear probes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from imprint.core.arrays import IntArray
from imprint.core.device import DeviceName, choose_device
from imprint.data.augmentation import Augmentation
from imprint.data.choice import open_choice
from imprint.data.imageset import ImageSet
from imprint.data.index_list import read_indices
from imprint.data.split import Partitions, partition_images, save_partition
from imprint.launch.launcher import launcher_in_use, run_tasks, task_device
from imprint.lenses.dejavu.findings import Accuracies
from imprint.lenses.dejavu.options import LinearProbeOptions
from imprint.lenses.dejavu.study.online import OnlineAttack
from imprint.nets.load import load_model, network_file
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding, write_finding
from imprint.study.options import DataChoice
from imprint.study.step import Step, card_of
from imprint.study.store import Study
from imprint.train.linear_probe import linear_probe
from imprint.train.loop import train
from imprint.train.options import TrainOptions
from imprint.train.probe_options import ProbeAccuracies, ProbeOptions


@dataclass(frozen=True)
class SplitImages(Step):
    """Partition the images into A, B, shared and public, for several sizes.

    Attributes:
        images: the images.
        sizes: images of each class in A and in B, rising.
        by_boxes: whether only images with boxes are attacked; else all are.
    """

    images: ImageSet
    sizes: tuple[int, ...]
    by_boxes: bool

    artefact = "split"

    def partitions(self) -> Partitions:
        """Return the partitions, unwritten."""
        boxes = self.images.boxes() if self.by_boxes else None
        return partition_images(self.images, boxes, sizes=self.sizes)

    def build(self, path: Path) -> None:
        """Write the partitions."""
        save_partition(path, self.partitions(), self.images.fingerprint())


@dataclass(frozen=True, kw_only=True)
class TrainEncoder(Step):
    """Train one encoder into ``models/NAME``.

    Attributes:
        indices: int64 ``[n]``, images it is trained on.
        held_out: int64 ``[m]``, images that online probes are measured on.
        online: attack while it trains, if any.
        images: where pixels come from; known by the split.
    """

    name: str = uncounted()
    train: TrainOptions
    seed: int
    indices: IntArray
    held_out: IntArray
    online: OnlineAttack | None = None
    images: ImageSet | None = uncounted(default=None)
    device: str = uncounted(default="cpu")

    inputs = ("split",)
    resumable = True

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """Where the weights go."""
        return f"models/{self.name}"

    def build(self, path: Path) -> None:
        """Train the encoder, or go on training it."""
        assert self.images is not None
        device = torch.device(self.device)
        on_epoch_end = None
        if self.online is not None:
            on_epoch_end = self.online.on_epoch_end(self.images, device, path)
        train(
            self.images,
            self.indices,
            self.train,
            path,
            self.seed,
            device,
            self.name,
            self.held_out,
            on_epoch_end,
        )


def train_encoders(
    study: Study, steps: Sequence[TrainEncoder], images: ImageSet, data: DataChoice, seed: int
) -> None:
    """Train the encoders that are missing, one a task; on a GPU of this machine one by one.

    Those that a killed run left to train do so on as many cores as before, to the same bytes.

    Args:
        study: where they go.
        steps: all of them, on one device.
        images: where pixels come from.
        data: how processes open the images.
        seed: of the embedded set of images.
    """
    missing = [
        step for step in steps if not study.is_done(step.artefact, card_of(step), step.inputs)
    ]
    if not missing:
        return
    if missing[0].device != "cpu" and not launcher_in_use().is_remote:
        for step in missing:
            study.run(replace(step, images=images))
        return
    epochs = sum(step.train.last_epoch for step in missing)
    device = task_device(missing[0].device)
    tasks = [(study.root, data, seed, replace(step, device=device)) for step in missing]
    run_tasks(
        train_in_worker,
        tasks,
        "train encoders",
        epochs,
        unit="epoch",
        sharing=len(steps),
        study=study.root,
        keys=[step.artefact for step in missing],
    )


def train_in_worker(root: Path, data: DataChoice, seed: int, step: TrainEncoder) -> None:
    """Train one encoder in a process that opens the images by itself."""
    device = str(choose_device(step.device))
    Study(root).run(replace(step, images=open_choice(data, seed), device=device))


def read_accuracies(path: Path) -> Accuracies:
    """Return what :class:`ProbeEncoders` wrote."""
    return read_finding(Accuracies, path)  # type: ignore[type-abstract]  # read as a mapping


@dataclass(frozen=True, kw_only=True)
class ProbeEncoders(Step):
    """Train and measure linear probes on encoders.

    Attributes:
        seeds: of each probe, by checkpoint.
        members: int64, images the encoder was trained on, by checkpoint.
        held_out: int64, images that no encoder was trained on.
        checkpoints: weights by name; known by the inputs.
    """

    probe: ProbeOptions
    seeds: Mapping[str, int]
    members: Mapping[str, IntArray]
    held_out: IntArray
    view: Augmentation
    checkpoints: Mapping[str, Path] = uncounted()
    images: ImageSet = uncounted()
    inputs: tuple[str, ...] = uncounted()  # type: ignore[misc]  # varies
    device: DeviceName = uncounted(default="auto")
    artefact: str = uncounted(default="linear_probe.json")  # type: ignore[misc]  # varies

    def build(self, path: Path) -> None:
        """Write the accuracies."""
        accuracies = {
            name: linear_probe(
                load_model(self.checkpoints[name]),
                self.images,
                self.members[name],
                self.held_out,
                self.probe,
                self.view,
                seed,
                choose_device(self.device),
                name,
            )
            for name, seed in self.seeds.items()
        }
        write_finding(path, accuracies)


def probe_network(options: LinearProbeOptions) -> ProbeAccuracies:
    """Train and measure a linear probe; write and return ``linear_probe.json``."""
    images = open_choice(options, options.seed)
    network = network_file(options.model, options)
    accuracies = linear_probe(
        network.load(),
        images,
        read_indices(options.members, images),
        read_indices(options.non_members, images),
        options.probe,
        options.view,
        options.seed,
        choose_device(options.device),
        network.path.stem,
    )
    write_finding(options.out / "linear_probe.json", accuracies)
    return accuracies
