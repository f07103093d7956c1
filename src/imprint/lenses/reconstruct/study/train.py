"""``imprint reconstruct train``: a diffusion model for one encoder, in one process or several."""

from __future__ import annotations

import json
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist

from imprint import __version__
from imprint.core.arrays import IntArray, Pixels
from imprint.core.device import DeviceName, choose_device
from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.data.choice import open_choice
from imprint.data.files import IN_MEMORY_LIMIT, in_channels
from imprint.data.index_list import read_indices
from imprint.data.view import View
from imprint.lenses.reconstruct.options import (
    Conditioning,
    ReconstructionTraining,
    RunChoice,
    TrainOptions,
)
from imprint.lenses.reconstruct.study.encoder import (
    VALUES,
    KeepEncoder,
    Represent,
    kept_encoder,
    open_representations,
)
from imprint.lenses.reconstruct.training.batches import TrainingSet
from imprint.lenses.reconstruct.training.loop import FINAL, train
from imprint.lenses.reconstruct.training.memory import check_memory
from imprint.lenses.reconstruct.training.run_file import RunCard
from imprint.lenses.reconstruct.training.run_state import LogLine
from imprint.nets.load import NetworkFile, network_file
from imprint.reading.regular import read_text
from imprint.study.counted import uncounted
from imprint.study.finding import from_json
from imprint.study.step import Step, card_of
from imprint.study.store import Study
from imprint.train.command import process_group
from imprint.train.gather import rank, world_size

MAX_PREPARATION = timedelta(days=7)
"""That other processes wait for the first one to represent the images; torch waits 10 minutes."""


@dataclass(frozen=True)
class TrainDiffusion(Step):
    """The diffusion model: averaged weights, snapshots, cards and log, in ``network/``.

    Attributes:
        view: the images it learns to make.
        encoder: hash of the weights whose representations it takes.
        conditioning: which of them.
        train: how it is trained.
        seed: of everything random.
        representations: file of them, float32 ``[n, d]``.
        device: where to train.
    """

    view: View
    encoder: str
    conditioning: Conditioning
    train: ReconstructionTraining
    seed: int
    representations: Path = uncounted()
    device: torch.device = uncounted()

    artefact = "network"
    inputs = ("representations",)
    resumable = True

    def build(self, path: Path) -> None:
        """Train the network."""
        values = open_representations(self.representations, len(self.view))
        card = RunCard(
            channels=self.view.images.channels,
            conditioning=self.conditioning,
            condition_width=values.shape[1],
            encoder=self.encoder,
            unet=self.train.unet,
            diffusion=self.train.diffusion,
            training={
                "images": len(self.view),
                "steps": self.train.steps,
                "batch_size": self.train.batch_size,
                "seed": self.seed,
                "data": str(self.view.images.fingerprint()),
                "imprint": __version__,
                "torch": str(torch.__version__),
            },
        )
        path.mkdir(exist_ok=True)
        images = TrainingSet(_Pixels(self.view, self.train.unet.image_size), values)
        train(images, card, self.train, path, self.seed, self.device)


class _Pixels:
    """Pixels of a view by row: from memory where they fit, else read when they are asked for."""

    def __init__(self, view: View, size: int) -> None:
        self._view, self._size = view, size
        fits = len(view) * view.images.channels * size**2 <= IN_MEMORY_LIMIT
        self._pixels = view.read(size).pixels if fits else None

    def __call__(self, rows: IntArray) -> Pixels:
        if self._pixels is not None:
            return self._pixels[rows]
        view = self._view.rows(rows)
        return view.images.read(view.index, view.squares, self._size)


@dataclass(frozen=True)
class TrainedRun:
    """The path of a diffusion model's weights, and the last line of its log."""

    weights: str
    last_step: LogLine


def train_study(options: TrainOptions) -> TrainedRun | None:
    """Train a diffusion model into a study, unless it is done.

    Returns:
        None in all processes of ``torchrun`` but the first.

    Raises:
        ImprintError: bad data or weights, options that do not fit, or a study made with others.
    """
    encoder = network_file(options.encoder, options)
    images = in_channels(open_choice(options, options.seed), encoder.card.channels)
    view = View(images, read_indices(options.indices, images), options.centre_fraction)
    return train_run(Study(options.out), view, encoder, options, options.seed, options.device)


def train_run(
    study: Study,
    view: View,
    encoder: NetworkFile,
    choice: RunChoice,
    seed: int,
    device: DeviceName,
) -> TrainedRun | None:
    """Train a diffusion model for an encoder into a folder, which samples are then drawn from.

    Args:
        study: the folder of the run.
        view: the images to train on.
        encoder: whose representations it takes.
        choice: which of them, and how it is trained.
        seed: of everything random.
        device: where to train; under ``torchrun`` each process takes its own GPU.

    Returns:
        None in all processes of ``torchrun`` but the first.

    Raises:
        ImprintError: images of other channels than 1 or 3, or as :func:`train_study`.
    """
    channels = view.images.channels
    if channels not in (1, 3):
        raise ImprintError(
            f"{view.images.name} has images of {view.images.channels} channels: a diffusion model "
            "takes 1 or 3"
        )
    _check_encoder(encoder, channels, choice.conditioning)
    place = choose_device(device)
    with ExitStack() as stack:
        stack.enter_context(process_group(place))
        if not study.path(TrainDiffusion.artefact).exists():
            unet, diffusion = choice.train.unet, choice.train.diffusion
            least = RunCard(channels, choice.conditioning, 1, "", unet, diffusion)
            check_memory(least, choice.train, place)
        stack.enter_context(study.locked() if rank() == 0 else nullcontext())
        waiting = (
            dist.new_group(backend="gloo", timeout=MAX_PREPARATION) if world_size() > 1 else None
        )
        if rank() == 0:
            study.run(KeepEncoder(encoder))
            study.run(Represent(view, encoder, choice.conditioning, device))
        if waiting is not None:
            dist.barrier(waiting)
        step = TrainDiffusion(
            view,
            kept_encoder(study.root).load().fingerprint(),
            choice.conditioning,
            choice.train,
            seed,
            study.path(Represent.artefact) / VALUES,
            place,
        )
        if rank() > 0:
            card = card_of(step)
            if not study.is_done(step.artefact, card, step.inputs):
                step.build(study.unfinished(step.artefact, card, step.inputs))
            return None
        folder = study.run(step)
    log(f"weights: {folder / FINAL}")
    return TrainedRun(str(folder / FINAL), _last_line(folder / "log.jsonl"))


def _check_encoder(encoder: NetworkFile, channels: int, conditioning: Conditioning) -> None:
    if encoder.card.channels != channels:
        raise ImprintError(
            f"{encoder.path} takes images of {encoder.card.channels} channel(s), the images have "
            f"{channels}: give images as the encoder was trained on"
        )
    if conditioning != "backbone" and not encoder.card.projector:
        raise ImprintError(f"{encoder.path} has no projector: choose --conditioning backbone")


def _last_line(file: Path) -> LogLine:
    try:
        return from_json(LogLine, json.loads(read_text(file).splitlines()[-1]), str(file))
    except (ImprintError, OSError, LookupError, ValueError, RecursionError):
        raise ImprintError(
            f"{file} is damaged or missing: delete {file.parent} and run the same command again"
        ) from None
