"""Draw samples: steps back through the noise, DDIM or ancestral, with guidance.

Song, Meng, Ermon 2021 (eq. 12, η = 0); Ho, Jain, Abbeel 2020 (alg. 2); respacing of Nichol and
Dhariwal 2021 (sec. 4); guidance of Ho and Salimans 2022 (eq. 6). The steps are taken here, not by
the schedulers of diffusers 0.42: those step to T // n steps earlier wherever n does not divide T,
which is not the step that the network sees next.

A sample is a function of (seed, image, number) and the network alone: each has a generator of its
own, and the network always takes :data:`ROWS_A_PASS` rows, since sums over other shapes round
otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.arrays import IntArray, Pixels
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.core.seeds import derive
from imprint.lenses.reconstruct.diffusion.network import ConditionalUNet
from imprint.lenses.reconstruct.diffusion.noise import Noise
from imprint.lenses.reconstruct.options import DiffusionOptions, SamplingOptions

ROWS_A_PASS = 16


@dataclass(frozen=True)
class Draws:
    """What is to be sampled.

    Attributes:
        representations: float32 ``[n, d]``, one a sample.
        seeds: of each sample's noise, ``n`` of them; equal seeds give equal noise.
    """

    representations: NDArray[np.float32]
    seeds: tuple[int, ...]


def draws_of(
    representations: NDArray[np.float32], index: IntArray, samples: int, seed: int
) -> Draws:
    """Return ``samples`` draws for each image, image by image.

    Args:
        representations: float32 ``[n, d]``.
        index: int64 ``[n]``, what the noise of an image depends on.
        samples: of each image.
        seed: of the noise.
    """
    return Draws(
        np.repeat(representations, samples, axis=0),
        tuple(
            derive(seed, "sample", row, number)
            for row in index.tolist()
            for number in range(samples)
        ),
    )


def sampling_steps(count: int, total: int) -> list[int]:
    """Return ``count`` steps of ``total``, evenly from the last to the first.

    Raises:
        ImprintError: more than there are.
    """
    if count > total:
        raise ImprintError(
            f"--sampling-steps must be at most {total}, the steps of the run's noise, got {count}"
        )
    return [int(step) for step in np.linspace(total - 1, 0, count).round()]


def check_options(options: SamplingOptions, diffusion: DiffusionOptions) -> None:
    """Check that a run can be sampled so.

    Raises:
        ImprintError: more steps than the noise has, or guidance of a network that was trained
            without it.
    """
    if options.guidance != 1 and not diffusion.drop_condition:
        raise ImprintError(
            "the run was trained without empty representations, so --guidance must be 1: train it "
            "with --train.diffusion.drop-condition 0.1"
        )
    sampling_steps(options.sampling_steps, diffusion.diffusion_steps)


@torch.inference_mode()
def rows_at_once(options: SamplingOptions) -> int:
    """Return how many samples are drawn together: the batch, filled up to whole passes."""
    return -(-options.batch_size // ROWS_A_PASS) * ROWS_A_PASS


def count_steps(count: int, options: SamplingOptions, noise: DiffusionOptions) -> int:
    """Return how many steps :func:`sample` tracks for so many samples."""
    steps = sampling_steps(options.sampling_steps, noise.diffusion_steps)
    return -(-count // rows_at_once(options)) * len(steps)


def sample(
    network: ConditionalUNet, noise: Noise, draws: Draws, options: SamplingOptions, what: str
) -> Iterator[tuple[slice, Pixels]]:
    """Yield samples, uint8 ``[b, C, S, S]``, with the rows they are of.

    Args:
        network: in evaluation mode, on its device.
        noise: of the run, on the same device.
        draws: what to sample.
        options: sampler, steps, guidance, how many at a time.
        what: a few words for the progress bar.

    Raises:
        ImprintError: as of :func:`check_options`, or a sample that is not finite.
    """
    check_options(options, noise.options)
    steps = sampling_steps(options.sampling_steps, len(noise.signal))
    size = rows_at_once(options)
    starts = range(0, len(draws.seeds), size)
    work = ((start, position) for start in starts for position in range(len(steps)))
    trajectories = _Trajectories(network, noise, draws, options)
    for start, position in track(work, what, len(starts) * len(steps), "step"):
        rows = slice(start, min(start + size, len(draws.seeds)))
        if position == 0:
            trajectories.begin(rows)
        last = position + 1 == len(steps)
        trajectories.step(steps[position], -1 if last else steps[position + 1])
        if last:
            yield rows, trajectories.pixels()


class _Trajectories:
    """Samples on their way from noise to images."""

    def __init__(
        self, network: ConditionalUNet, noise: Noise, draws: Draws, options: SamplingOptions
    ) -> None:
        self._network, self._noise = network, noise
        self._draws, self._options = draws, options
        self._device = network.empty.device
        self._shape = (network.channels, network.image_size, network.image_size)

    def begin(self, rows: slice) -> None:
        """Start with noise; short batches are filled up to whole passes."""
        seeds = self._draws.seeds[rows]
        self._count = len(seeds)
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        padding = -self._count % ROWS_A_PASS
        self._images = torch.nn.functional.pad(self._fresh(), (0, 0) * 3 + (0, padding))
        values = torch.from_numpy(self._draws.representations[rows]).to(self._device)
        self._representations = torch.nn.functional.pad(values, (0, 0, 0, padding))

    def step(self, now: int, before: int) -> None:
        """Go from one step of the noise to an earlier one."""
        fresh = None
        if self._options.sampler == "ddpm" and before >= 0:
            padding = len(self._images) - self._count
            fresh = torch.nn.functional.pad(self._fresh(), (0, 0) * 3 + (0, padding))
        for start in range(0, len(self._images), ROWS_A_PASS):
            part = slice(start, start + ROWS_A_PASS)
            self._images[part] = self._earlier(
                self._images[part],
                self._representations[part],
                now,
                before,
                None if fresh is None else fresh[part],
            )

    def pixels(self) -> Pixels:
        """Return the images, from [−1, 1] to 256 levels."""
        if not torch.isfinite(self._images[: self._count]).all():
            raise ImprintError(
                "a sample is not finite: the representation is too far from those of the training "
                "images, or the weights of the run are damaged"
            )
        levels = (self._images[: self._count] + 1) * 127.5
        return levels.round().clamp(0, 255).to(torch.uint8).cpu().numpy()

    def _fresh(self) -> Tensor:
        return torch.stack(
            [torch.randn(self._shape, generator=each) for each in self._generators]
        ).to(self._device)

    def _earlier(
        self,
        noisy: Tensor,
        representations: Tensor,
        now: int,
        before: int,
        fresh: Tensor | None,
    ) -> Tensor:
        steps = torch.full((len(noisy),), now, device=self._device)
        earlier = torch.full_like(steps, before)
        predicted, *shares = self._predict(noisy, steps, representations).chunk(
            self._network.outputs, dim=1
        )
        image = self._noise.image(noisy, steps, predicted).clamp(-1, 1)
        if self._options.sampler == "ddim":
            return self._noise.towards(image, noisy, steps, earlier)
        posterior = self._noise.posterior(image, noisy, steps, earlier)
        if fresh is None:
            return posterior.mean
        log_variance = posterior.learned(shares[0]) if shares else posterior.least
        return posterior.mean + (0.5 * log_variance).exp() * fresh

    def _predict(self, noisy: Tensor, steps: Tensor, representations: Tensor) -> Tensor:
        kept = torch.zeros(len(noisy), dtype=torch.bool, device=self._device)
        guidance = self._options.guidance
        if guidance == 1:
            predicted: Tensor = self._network(noisy, steps, representations, kept)
            return predicted
        both: Tensor = self._network(
            torch.cat([noisy, noisy]),
            torch.cat([steps, steps]),
            torch.cat([representations, representations]),
            torch.cat([kept, ~kept]),
        )
        conditional, empty = both.chunk(2)
        return torch.lerp(empty, conditional, guidance)
