"""The batches of an epoch: which images in which order, and their augmented views."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive, generator
from imprint.data.augment import augment, crop_rectangles, recolour
from imprint.data.augmentation import Augmentation
from imprint.data.imageset import ArrayImages, ImageSet
from imprint.train.gather import rank, world_size


class Batches:
    """Views and labels, batch by batch.

    A set in memory is put on the device once, as uint8; any other set is read rectangle by
    rectangle, the next batch while the current one trains. Both give the same crops, drawn from
    (seed, epoch, view, example), so only the rounding of the resampler tells them apart.

    Args:
        images: where pixels and labels come from.
        indices: int64 ``[n]``, the images of an epoch.
        views: one augmentation a view.
        batch_size: images a batch, over all processes; see :func:`shared_batch_size`.
        size: side of the views in pixels, unless an epoch asks for others.
        seed: of order and augmentation.
        device: where the views are wanted.

    Attributes:
        batch_size: images a batch that is really drawn.
        per_epoch: batches an epoch; images that do not fill a batch wait for another epoch.

    Raises:
        ImprintError: less than two images a process.
    """

    def __init__(
        self,
        images: ImageSet,
        indices: IntArray,
        views: Sequence[Augmentation],
        batch_size: int,
        size: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self._images = images
        self._indices = np.sort(indices)
        self._seed = seed
        self._device = device
        self._views = tuple(views)
        self._side = size
        self.batch_size = shared_batch_size(batch_size, len(indices))
        self.per_epoch = len(indices) // self.batch_size
        self._resident = (
            torch.from_numpy(images.pixels[self._indices]).to(device)
            if isinstance(images, ArrayImages)
            else None
        )

    def epoch(
        self, epoch: int, sizes: Sequence[int] | None = None, first: int = 0
    ) -> Iterator[tuple[list[torch.Tensor], torch.Tensor]]:
        """Yield views, each float32 ``[b, C, S, S]`` in [0, 1], and labels int64 ``[b]``.

        Args:
            epoch: how many are done.
            sizes: S of each view; ``size`` of them all when left out.
            first: how many batches of the epoch are done.
        """
        sizes = sizes or [self._side] * len(self._views)
        order = generator(self._seed, "order", epoch).permutation(len(self._indices))
        rows = [
            order[start : start + self.batch_size][rank() :: world_size()]
            for start in range(
                first * self.batch_size, self.per_epoch * self.batch_size, self.batch_size
            )
        ]
        views = self._resident_views if self._resident is not None else self._streamed_views
        for batch, batch_views in zip(rows, views(rows, epoch, sizes), strict=True):
            labels = torch.from_numpy(self._images.labels[self._indices[batch]])
            yield batch_views, labels.to(self._device)

    def _key(self, epoch: int, view: int) -> int:
        return derive(self._seed, "augment", epoch, view)

    def _resident_views(
        self, batches: list[IntArray], epoch: int, sizes: Sequence[int]
    ) -> Iterator[list[torch.Tensor]]:
        assert self._resident is not None
        for rows in batches:
            pixels = self._resident[torch.from_numpy(rows).to(self._device)]
            yield [
                augment(
                    pixels,
                    settings,
                    self._key(epoch, view),
                    self._indices[rows],
                    size,
                )
                for view, (settings, size) in enumerate(zip(self._views, sizes, strict=True))
            ]

    def _streamed_views(
        self, batches: list[IntArray], epoch: int, sizes: Sequence[int]
    ) -> Iterator[list[torch.Tensor]]:
        with ThreadPoolExecutor(1) as reader:
            pending = reader.submit(self._read, batches[0], epoch, sizes)
            for following in [*batches[1:], None]:
                squares = pending.result()
                if following is not None:
                    pending = reader.submit(self._read, following, epoch, sizes)
                yield squares

    def _read(self, rows: IntArray, epoch: int, sizes: Sequence[int]) -> list[torch.Tensor]:
        """Read all views of one size in one call, so that each image is decoded once for them."""
        views: dict[int, torch.Tensor] = {}
        for size in dict.fromkeys(sizes):
            same = [view for view in range(len(self._views)) if sizes[view] == size]
            views |= self._read_size(rows, epoch, same, size)
        return [views[view] for view in range(len(self._views))]

    def _read_size(
        self, rows: IntArray, epoch: int, views: Sequence[int], size: int
    ) -> dict[int, torch.Tensor]:
        ids = self._indices[rows]
        extents = self._images.sizes()[ids]
        rectangles = [
            crop_rectangles(self._views[view], self._key(epoch, view), ids, extents)
            for view in views
        ]
        pixels = self._images.read(np.tile(ids, len(views)), np.concatenate(rectangles), size)
        squares = torch.from_numpy(pixels).to(self._device).chunk(len(views))
        return {
            view: recolour(square, self._views[view], self._key(epoch, view), ids)
            for view, square in zip(views, squares, strict=True)
        }


def shared_batch_size(batch_size: int, count: int) -> int:
    """Return how many of ``count`` images a batch holds: what all processes can share evenly.

    Args:
        batch_size: the most, over all processes.
        count: images there are.

    Returns:
        the largest multiple of the number of processes within both.

    Raises:
        ImprintError: less than two images for each of several processes.
    """
    processes = world_size()
    shared = min(batch_size, count) // processes * processes
    if processes > 1 and shared < 2 * processes:
        raise ImprintError(
            f"batches of {min(batch_size, count)} images leave less than 2 for each of "
            f"{processes} processes: raise batch_size, give more images or start fewer processes"
        )
    return shared
