"""Near-duplicates among images in arrays, for Python."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import Pixels
from imprint.core.device import DeviceName
from imprint.core.errors import ImprintError
from imprint.core.user_arrays import as_array
from imprint.data.axis_order import LAST, channel_order
from imprint.data.imageset import ArrayImages
from imprint.data.near_duplicates.search import NearDuplicates, find_near_duplicates
from imprint.data.near_duplicates.search_options import DuplicateSearch


def near_duplicates(
    images: ArrayLike,
    others: ArrayLike | None = None,
    *,
    methods: Sequence[str] = ("hash", "embedding"),
    hash_distance: int = 10,
    similarity: float = 0.65,
    neighbours: int = 4,
    correlation: float = 0.75,
    device: DeviceName = "auto",
) -> NearDuplicates:
    """Return pairs of images that are near-duplicates.

    Re-encoded, cropped, mirrored and brightened copies are found; photographs of one scene may be.

    Args:
        images: uint8 ``[n, C, H, W]`` or ``[n, H, W, C]``, searched for among all images.
        others: further images of the same shape among which they are searched.
        methods: what proposes pairs: ``hash``, ``embedding`` or both.
        hash_distance: bits, of 63, in which the hashes of a pair may differ.
        similarity: least cosine similarity of the embeddings of a pair.
        neighbours: pairs that each method proposes for one image at most.
        correlation: least correlation of the fine detail of the two aligned images.
        device: where pairs are searched.

    Returns:
        Pairs ``first``, ``second`` of rows; rows of ``others`` count on from those of ``images``.

    Raises:
        ImprintError: arrays that are no images, or a threshold out of its range.

    Examples:
        >>> import numpy as np
        >>> noise = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3))
        >>> photos = np.kron(noise, np.ones((1, 4, 4, 1))).astype(np.uint8)
        >>> pairs = near_duplicates(photos, photos[1:2, :, ::-1])
        >>> pairs.first.tolist(), pairs.second.tolist(), pairs.mirrored.tolist()
        ([1], [3], [True])
    """
    search = DuplicateSearch(
        methods=tuple(methods),
        hash_distance=hash_distance,
        similarity=similarity,
        neighbours=neighbours,
        correlation=correlation,
    )
    own = _pixels(images, "images")
    further = own[:0] if others is None else _pixels(others, "others")
    if own.shape[1:] != further.shape[1:]:
        raise ImprintError(
            f"images are {list(own.shape[1:])} and others {list(further.shape[1:])}: give images "
            "of one shape"
        )
    pixels = np.concatenate([own, further])
    kept = ArrayImages(pixels, np.zeros(len(pixels), dtype=np.int64), ("any",), "images")
    rows = np.arange(len(pixels), dtype=np.int64)
    return find_near_duplicates(kept, rows[: len(own)], rows[len(own) :], search, device)


def _pixels(images: ArrayLike, name: str) -> Pixels:
    """Return images as uint8 ``[n, C, H, W]``."""
    array = as_array(images, name)
    if array.ndim != 4 or array.dtype != np.uint8 or not array.size:
        raise ImprintError(
            f"{name} must be uint8 [n, C, H, W] or [n, H, W, C], got {array.dtype} "
            f"{list(array.shape)}"
        )
    if channel_order(array.shape) == LAST:
        array = array.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(array)
