"""The batch of every step, a function of (seed, step); the next pixels are read meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.arrays import IntArray, Pixels
from imprint.core.seeds import derive, generator
from imprint.lenses.reconstruct.options import ReconstructionTraining
from imprint.train.gather import rank, world_size


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Images with their representations.

    Attributes:
        pixels: returns uint8 ``[b, C, S, S]`` of some rows, int64 ``[b]``.
        representations: float32 ``[n, d]``, in memory or mapped.
    """

    pixels: Callable[[IntArray], Pixels]
    representations: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.representations)


class Batches:
    """The batch of every step, this process's share of it, in parts."""

    def __init__(
        self, images: TrainingSet, options: ReconstructionTraining, seed: int, device: torch.device
    ) -> None:
        self._images = images
        self._options = options
        self._seed = seed
        self._device = device
        self._orders: dict[int, IntArray] = {}

    def rows(self, step: int) -> IntArray:
        """Return the rows of a batch, int64 ``[batch_size]``: the next ones of endless epochs."""
        size = self._options.batch_size
        positions = np.arange(step * size, (step + 1) * size)
        epochs, within = np.divmod(positions, len(self._images))
        wanted = np.unique(epochs).tolist()
        self._orders = {epoch: self._order(epoch) for epoch in wanted}
        return np.concatenate([self._orders[each][within[epochs == each]] for each in wanted])

    def _order(self, epoch: int) -> IntArray:
        if epoch in self._orders:
            return self._orders[epoch]
        order: IntArray = generator(self._seed, "order", epoch).permutation(len(self._images))
        return order

    def parts_from(self, first: int) -> Generator[list[tuple[Tensor, ...]]]:
        """Yield the parts of each batch from a step to the last one.

        A part is images, steps, representations, dropped and noise. The pixels of the next batch
        are read while the caller uses this one.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="imprint-prefetch") as reader:

            def read(step: int) -> tuple[IntArray, Future[Pixels]]:
                rows = self.rows(step)[rank() :: world_size()]
                return rows, reader.submit(self._images.pixels, rows)

            upcoming = read(first)
            for step in range(first, self._options.steps):
                rows, pixels = upcoming[0], upcoming[1].result()
                if step + 1 < self._options.steps:
                    upcoming = read(step + 1)
                yield self._parts(step, rows, torch.from_numpy(pixels))

    def _parts(self, step: int, rows: IntArray, pixels: Tensor) -> list[tuple[Tensor, ...]]:
        diffusion = self._options.diffusion
        draw = torch.Generator().manual_seed(derive(self._seed, "noise", step))
        size = self._options.batch_size
        steps = torch.randint(diffusion.diffusion_steps, (size,), generator=draw)
        dropped = torch.rand(size, generator=draw) < diffusion.drop_condition
        own = slice(rank(), None, world_size())
        noise = torch.randn((size, *pixels.shape[1:]), generator=draw)[own]
        representations = torch.from_numpy(np.array(self._images.representations[rows]))
        batch = [
            pixels.to(self._device).float() / 127.5 - 1,
            *(
                values.to(self._device)
                for values in (steps[own], representations, dropped[own], noise)
            ),
        ]
        return list(zip(*(values.chunk(self._options.accumulate) for values in batch), strict=True))
