"""``imprint reconstruct interpolate``: samples along the line through two representations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.core.device import DeviceName, choose_device
from imprint.data.single import view_of_file
from imprint.data.view import View
from imprint.lenses.reconstruct.diffusion.sampling import draws_of
from imprint.lenses.reconstruct.options import InterpolateOptions, SamplingOptions
from imprint.lenses.reconstruct.study.sample import (
    SAMPLES,
    TILE,
    TILED_SAMPLES,
    DiffusionRun,
    sample_each,
)
from imprint.lenses.reconstruct.study.tiles import write_tile
from imprint.nets.checkpoint import write_weights
from imprint.report.summary import finish_without_page
from imprint.study.counted import part_of, uncounted
from imprint.study.step import Step
from imprint.study.store import Study


def mix(
    first: NDArray[np.float32], second: NDArray[np.float32], ratios: tuple[float, ...]
) -> NDArray[np.float32]:
    """Return (1 − ratio) · first + ratio · second for each ratio.

    >>> mix(np.float32([0, 4]), np.float32([2, 4]), (0.0, 0.5, 2.0)).tolist()
    [[0.0, 4.0], [1.0, 4.0], [4.0, 4.0]]

    Args:
        first: representation, float32 ``[d]``.
        second: likewise.
        ratios: ``r`` of them; they may lie outside [0, 1].

    Returns:
        float32 ``[r, d]``.
    """
    weights = np.array(ratios, dtype=np.float64)[:, None]
    return ((1 - weights) * first + weights * second).astype(np.float32)


@dataclass(frozen=True)
class Interpolate(Step):
    """Samples of mixed representations: ``samples.safetensors`` and ``tile.png``.

    Attributes:
        run: the diffusion model.
        first: one image, at ratio 0.
        second: one image, at ratio 1.
        ratios: shares of the second representation.
        sampling: how samples are drawn.
        seed: of their noise, which depends on the number of the sample alone.
    """

    run: DiffusionRun
    first: View
    second: View
    ratios: tuple[float, ...]
    sampling: SamplingOptions
    seed: int
    device: DeviceName = uncounted(default="auto")

    artefact = "interpolation"

    def build(self, path: Path) -> None:
        """Draw the samples and write them."""
        device = choose_device(self.device)
        first, second = (
            self.run.represent(view, device, "represent images")[0]
            for view in (self.first, self.second)
        )
        network, noise = self.run.load(device)
        same_noise = np.zeros(len(self.ratios), dtype=np.int64)
        draws = draws_of(
            mix(first, second, self.ratios), same_noise, self.sampling.samples, self.seed
        )
        samples = sample_each(network, noise, draws, self.sampling, "sample mixes")
        path.mkdir(exist_ok=True)
        ratios = torch.tensor(self.ratios, dtype=torch.float64)
        write_weights(path / SAMPLES, {"samples": torch.from_numpy(samples), "ratios": ratios})
        rows = samples[:, :TILED_SAMPLES].swapaxes(0, 1)
        ends = (
            np.broadcast_to(view.read(network.image_size).pixels, (len(rows), 1, *rows.shape[2:]))
            for view in (self.first, self.second)
        )
        left, right = ends
        write_tile(path / TILE, left, rows, right)


@dataclass(frozen=True)
class Interpolated:
    """What was sampled, and where."""

    samples: str
    ratios: tuple[float, ...]
    each: int


def interpolate_study(options: InterpolateOptions) -> Interpolated:
    """Sample between two representations into a study, unless it is done.

    Raises:
        ImprintError: images or a run that cannot be used, or a study made with other settings.
    """
    run = DiffusionRun.open(options.run)
    first, second = (
        view_of_file(file, run.card.channels, options.centre_fraction)
        for file in (options.first, options.second)
    )
    sampling = part_of(options, SamplingOptions)
    run.check(sampling, len(options.ratios))
    study = Study(options.out)
    with study.locked():
        step = Interpolate(
            run, first, second, options.ratios, sampling, options.seed, options.device
        )
        folder = study.run(step)
        finish_without_page(options)
    return Interpolated(str(folder / SAMPLES), options.ratios, options.samples)
