"""Samples of crops under both encoders: the same noise for both, so that only they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imprint.audits.reconstruction.options import Recipe
from imprint.core.arrays import IntArray, Pixels
from imprint.core.device import DeviceName, choose_device
from imprint.core.errors import ImprintError
from imprint.data.view import View
from imprint.lenses.dejavu.study.guess import SIDES
from imprint.lenses.reconstruct.diffusion.sampling import draws_of
from imprint.lenses.reconstruct.options import SamplingOptions
from imprint.lenses.reconstruct.study.sample import DiffusionRun, sample_each
from imprint.lenses.reconstruct.study.sample_file import read_samples, write_samples
from imprint.neighbors.nearest import nearest
from imprint.study.counted import uncounted
from imprint.study.step import Step

NEIGHBOURS = "neighbours_{name}.npy"


@dataclass(frozen=True)
class SamplePair(Step):
    """Sample from what both encoders make of crops.

    Writes ``RECIPE.ENCODER.safetensors`` and ``neighbours_ENCODER.npy``, int64 ``[n, k]``: indices
    of the nearest images that the diffusion models were trained on, without the crop's own.

    Attributes:
        crops: what the encoders see.
        runs: their diffusion models, by name.
        recipes: what stands for a crop.
        nearest: neighbours whose backbones are averaged.
        sampling: how samples are drawn.
        seed: of their noise.
    """

    crops: View
    runs: Mapping[str, DiffusionRun]
    recipes: tuple[Recipe, ...]
    nearest: int
    sampling: SamplingOptions
    seed: int
    what: str = uncounted()
    device: DeviceName = uncounted(default="auto")

    @property
    def artefact(self) -> str:  # type: ignore[override]  # varies
        """Its folder."""
        return f"samples/{self.what}"

    def build(self, path: Path) -> None:
        """Draw and write the samples."""
        path.mkdir(exist_ok=True)
        device = choose_device(self.device)
        for name in SIDES:
            run = self.runs[name]
            values = run.represent(self.crops, device, f"represent {self.what} with {name}")
            width = backbone_width(run)
            neighbours = _neighbours(run, values, width, self.crops.index, self.nearest)
            np.save(path / NEIGHBOURS.format(name=name), run.index[neighbours], allow_pickle=False)
            network, noise = run.load(device)
            for recipe in self.recipes:
                mixed = values
                if recipe == "neighbours":
                    mixed = values.copy()
                    mixed[:, :width] = run.representations[neighbours, :width].mean(axis=1)
                draws = draws_of(mixed, self.crops.index, self.sampling.samples, self.seed)
                what = f"sample {self.what} with {name} from the {recipe}"
                samples = sample_each(network, noise, draws, self.sampling, what)
                write_samples(path / f"{recipe}.{name}.safetensors", samples, self.crops.index)


def backbone_width(run: DiffusionRun) -> int:
    """Return how many numbers of a representation are of the backbone."""
    match run.card.conditioning:
        case "backbone":
            return run.card.condition_width
        case "projector":
            return 0
        case "both":
            return run.encoder.load().network.feature_width


def _neighbours(
    run: DiffusionRun,
    values: NDArray[np.float32],
    width: int,
    index: IntArray,
    count: int,
) -> IntArray:
    """Return rows of the nearest training images, by the projector where there is one, ``[n, k]``.

    An image is no neighbour of its own crop.
    """
    base = run.representations
    columns = slice(width, None) if width < base.shape[1] else slice(None)
    if len(base) <= count:
        raise ImprintError(
            f"{run.folder} was trained on {len(base)} images, too few for --nearest {count} "
            "besides the crop's own: choose fewer"
        )
    rows = nearest(values[:, columns], base[:, columns], count + 1).indices
    own = run.index[rows] == index[:, None]
    # The own image, or else the farthest, goes to the end.
    order = np.argsort(own, axis=1, kind="stable")
    return np.take_along_axis(rows, order, axis=1)[:, :count]


def read_pair(folder: Path, recipe: Recipe, target: IntArray) -> tuple[Pixels, Pixels]:
    """Return samples of the target and of the reference, each uint8 ``[n, s, C, H, W]``.

    Args:
        folder: of :class:`SamplePair`.
        recipe: that they were drawn from.
        target: number of the encoder that is the target of each image, int64 ``[n]``.
    """
    drawn = np.stack([read_samples(folder / f"{recipe}.{name}.safetensors")[0] for name in SIDES])
    rows = np.arange(len(target))
    return drawn[target, rows], drawn[1 - target, rows]
