"""``imprint reconstruct sample``: images that representations bring back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.core.arrays import IntArray, Pixels
from imprint.core.device import DeviceName, choose_device, free_memory
from imprint.core.errors import ImprintError
from imprint.data.choice import open_choice
from imprint.data.files import in_channels
from imprint.data.index_list import read_indices
from imprint.data.view import View
from imprint.launch.shards import make_parts, name_of, of_one_task, remove_parts, shards_of
from imprint.lenses.reconstruct.diffusion.network import ConditionalUNet
from imprint.lenses.reconstruct.diffusion.noise import Noise
from imprint.lenses.reconstruct.diffusion.sampling import (
    Draws,
    check_options,
    count_steps,
    draws_of,
    sample,
)
from imprint.lenses.reconstruct.options import SampleOptions, SamplingOptions
from imprint.lenses.reconstruct.study.encoder import (
    INDEX,
    VALUES,
    Represent,
    kept_encoder,
    representations_of,
)
from imprint.lenses.reconstruct.study.sample_file import FOLDER
from imprint.lenses.reconstruct.study.sample_file import SAMPLES as SAMPLES
from imprint.lenses.reconstruct.study.sample_file import read_samples as read_samples
from imprint.lenses.reconstruct.study.sample_file import write_samples as write_samples
from imprint.lenses.reconstruct.study.tiles import write_tile
from imprint.lenses.reconstruct.training.loop import FINAL
from imprint.lenses.reconstruct.training.run_file import RunCard, load_network, read_run_card
from imprint.nets.image_model import ImageModel
from imprint.nets.load import NetworkFile
from imprint.reading.regular import check_regular
from imprint.report.summary import finish_without_page
from imprint.study.counted import part_of, uncounted
from imprint.study.hashing import hash_file
from imprint.study.step import Step
from imprint.study.store import Study

FLOAT_BYTES, GIB = 4, 1 << 30
TILE = "tile.png"
TILED_IMAGES = 50
"""Images of the tile, the first ones."""
TILED_SAMPLES = 20
"""Samples of each image in the tile, the first ones."""


@dataclass(frozen=True, eq=False, kw_only=True)
class DiffusionRun:
    """A folder of ``imprint reconstruct train``.

    Attributes:
        folder: the run.
        card: of its network.
        weights: hash of its weights.
    """

    folder: Path = uncounted()
    card: RunCard
    weights: str

    @classmethod
    def open(cls, folder: Path) -> DiffusionRun:
        """Return the run in a folder.

        Raises:
            ImprintError: it holds none, or one that is not finished.
        """
        file = folder / "network" / FINAL
        if not file.is_file():
            raise ImprintError(
                f"{folder} holds no trained diffusion model (network/{FINAL}): give the --out of "
                "imprint reconstruct train, and run that again if it was interrupted"
            )
        return cls(folder=folder, card=read_run_card(file), weights=hash_file(file))

    @property
    def encoder(self) -> NetworkFile:
        """The encoder it was trained for."""
        return kept_encoder(self.folder)

    @property
    def index(self) -> IntArray:
        """Indices of the images it was trained on, int64 ``[m]``."""
        return np.asarray(self._array(INDEX), dtype=np.int64)

    @property
    def representations(self) -> NDArray[np.float32]:
        """What its encoder makes of those, float32 ``[m, d]``, mapped from the file."""
        return self._array(VALUES)

    def _array(self, name: str) -> NDArray[Any]:
        """Return an array that training left.

        Raises:
            ImprintError: it is missing or damaged.
        """
        file = self.folder / Represent.artefact / name
        try:
            check_regular(file)
            array: NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError, SyntaxError) as error:
            raise ImprintError(
                f"cannot read {file}: run imprint reconstruct train again"
            ) from error
        expected = (1, "i") if name == INDEX else (2, "f")
        if (array.ndim, array.dtype.kind) != expected:
            raise ImprintError(f"{file} is not what imprint reconstruct train wrote: run it again")
        return array

    def load(self, device: torch.device) -> tuple[ConditionalUNet, Noise]:
        """Return network and noise, on a device."""
        network = load_network(self.folder / "network" / FINAL, self.card, device)
        return network, Noise.of(self.card.diffusion, device)

    def check(self, sampling: SamplingOptions, representations: int) -> None:
        """Check that samples of so many representations can be drawn.

        Raises:
            ImprintError: more steps than its noise has, guidance that it was not trained for, or
                samples that do not fit in memory.
        """
        check_options(sampling, self.card.diffusion)
        pixels = self.card.channels * self.card.unet.image_size**2
        count = representations * sampling.samples
        needed = count * (pixels + FLOAT_BYTES * self.card.condition_width)
        free = free_memory(torch.device("cpu"))
        if free is not None and needed > free:
            raise ImprintError(
                f"{count:,} samples take {needed / GIB:.1f} GiB, and {free / GIB:.1f} GiB are "
                "free: lower --samples or name fewer images"
            )

    def load_encoder(self, device: torch.device) -> ImageModel:
        """Return the encoder it was trained for, on a device.

        Raises:
            ImprintError: it cannot be used, or is another one.
        """
        model = self.encoder.load(device)
        if model.fingerprint() != self.card.encoder:
            raise ImprintError(
                f"the encoder in {self.folder} is not the one the run was trained for: copy the "
                "whole folder again, or train the run again"
            )
        return model

    def represent(self, view: View, device: torch.device, what: str) -> NDArray[np.float32]:
        """Return what its encoder makes of images, float32 ``[n, d]``.

        Raises:
            ImprintError: the encoder cannot be used, or gives representations of another width.
        """
        model = self.load_encoder(device)
        values = representations_of(model, view, self.card.conditioning, what)
        if values.shape[1] != self.card.condition_width:
            raise ImprintError(
                f"the encoder in {self.folder} gives representations of {values.shape[1]} numbers, "
                f"the diffusion model takes {self.card.condition_width}: train the run again"
            )
        return values


@dataclass(frozen=True)
class SampleImages(Step):
    """Sample images from representations of a view: ``samples.safetensors`` and ``tile.png``.

    Attributes:
        run: the diffusion model.
        view: the images whose representations are taken.
        sampling: how samples are drawn.
        seed: of their noise.
    """

    run: DiffusionRun
    view: View
    sampling: SamplingOptions
    seed: int
    device: DeviceName = uncounted(default="auto")
    artefact: str = uncounted(default=FOLDER)  # type: ignore[misc]  # varies

    resumable = True

    def build(self, path: Path) -> None:
        """Draw the samples and write them."""
        with of_one_task():
            values = self.run.represent(self.view, choose_device(self.device), "represent images")
            shards = shards_of(len(self.view), 1)
            if len(shards) == 1:
                samples = self._draw(shards[0], values).samples()
            else:
                parts = [self._draw(rows, values) for rows in shards]
                samples = self._by_tasks(path, parts)
        path.mkdir(exist_ok=True)
        write_samples(path / SAMPLES, samples, self.view.index)
        shown = self.view.rows(slice(TILED_IMAGES)).read(self.run.card.unet.image_size)
        write_tile(path / TILE, shown.pixels[:, None], samples[:TILED_IMAGES, :TILED_SAMPLES])
        remove_parts(path)

    def _draw(self, rows: slice, values: NDArray[np.float32]) -> SampleShard:
        index = self.view.index[rows]
        return SampleShard(
            self.run, values[rows], index, self.sampling, self.seed, rows, self.device
        )

    def _by_tasks(self, path: Path, parts: Sequence[SampleShard]) -> Pixels:
        steps = sum(part.steps for part in parts)
        files = make_parts(self.artefact, path, parts, "sample images", steps, "step")
        return np.concatenate([read_samples(file)[0] for file in files])


@dataclass(frozen=True)
class SampleShard(Step):
    """Samples from the representations of some images.

    Attributes:
        run: the diffusion model.
        values: float32 ``[n, d]``, representations.
        index: int64 ``[n]``, the images.
        sampling: how samples are drawn.
        seed: of their noise.
        rows: of all images.
        device: where they are drawn.
    """

    run: DiffusionRun
    values: NDArray[np.float32]
    index: IntArray
    sampling: SamplingOptions
    seed: int
    rows: slice = uncounted()
    device: DeviceName = uncounted(default="auto")

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """Named by the rows."""
        return f"{name_of(self.rows)}.safetensors"

    @property
    def steps(self) -> int:
        """How many steps of the sampler it takes."""
        count = len(self.values) * self.sampling.samples
        return count_steps(count, self.sampling, self.run.card.diffusion)

    def build(self, path: Path) -> None:
        """Draw the samples and write them."""
        write_samples(path, self.samples(), self.index)

    def samples(self) -> Pixels:
        """Draw the samples, uint8 ``[n, s, C, S, S]``."""
        network, noise = self.run.load(choose_device(self.device))
        draws = draws_of(self.values, self.index, self.sampling.samples, self.seed)
        return sample_each(network, noise, draws, self.sampling, "sample images")


def sample_each(
    network: ConditionalUNet, noise: Noise, draws: Draws, options: SamplingOptions, what: str
) -> Pixels:
    """Return all samples of draws, uint8 ``[n, s, C, S, S]`` of ``n · s`` draws; see `sample`."""
    shape = (network.channels, network.image_size, network.image_size)
    pixels = np.empty((len(draws.seeds), *shape), dtype=np.uint8)
    for rows, batch in sample(network, noise, draws, options, what):
        pixels[rows] = batch
    return pixels.reshape(-1, options.samples, *shape)


@dataclass(frozen=True)
class Sampled:
    """What was sampled, and where."""

    samples: str
    images: int
    each: int


def sample_study(options: SampleOptions) -> Sampled:
    """Sample from representations of images into a study, unless it is done.

    Raises:
        ImprintError: bad data or a run that cannot be used, or a study made with other settings.
    """
    run = DiffusionRun.open(options.run)
    images = in_channels(open_choice(options, options.seed), run.card.channels)
    view = View(images, read_indices(options.indices, images), options.centre_fraction)
    if images.channels != run.card.channels:
        raise ImprintError(
            f"the run in {options.run} makes images of {run.card.channels} channel(s), "
            f"{images.name} has {images.channels}: give images as it was trained on"
        )
    sampling = part_of(options, SamplingOptions)
    run.check(sampling, len(view))
    study = Study(options.out)
    with study.locked():
        step = SampleImages(run, view, sampling, options.seed, options.device)
        folder = study.run(step)
        finish_without_page(options)
    return Sampled(str(folder / SAMPLES), len(view), options.samples)
