"""Visual words: tags for colours and textures, from crops alone, without weights or labels.

Patches of many crops fall into groups of like colour and edges (k-means over the descriptors of
``descriptors.py``, each scaled to unit variance); a group is a word. A crop's tags
are the words of its patches, their scores the share of patches that have each.

Csurka, Dance, Fan, Willamowski, Bray, "Visual categorization with bags of keypoints", ECCV
workshop 2004, with colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import Pixels
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive, generator
from imprint.data.tags.annotation import Tags
from imprint.data.tags.descriptors import patch_descriptors

WORDS = 256
FITTED_PATCHES = 200_000
ROWS_A_TILE = 1024
GRAY_LEVEL = 1 / 255
"""Descriptors that vary by less than this say nothing."""


@dataclass(frozen=True)
class VisualWords:
    """A vocabulary of patches; an annotator.

    Attributes:
        centres: float32 ``[words, d]``, in scaled descriptors.
        scale: float32 ``[d]``, what descriptors are divided by.
    """

    centres: NDArray[np.float32]
    scale: NDArray[np.float32]
    name: str = "visual_words"

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """``word_0``, ``word_1`` and so on."""
        return tuple(f"word_{number}" for number in range(len(self.centres)))

    def annotate(self, crops: Pixels) -> Tags:
        """Return the words of each crop, the score being its share of patches in (0, 1].

        Args:
            crops: uint8 ``[n, channels, H, W]``.
        """
        words = len(self.centres)
        counts = np.concatenate(
            [
                self._count(crops[start : start + ROWS_A_TILE])
                for start in range(0, max(1, len(crops)), ROWS_A_TILE)
            ]
        )
        image, tag = np.nonzero(counts)
        offsets = np.searchsorted(image, np.arange(len(crops) + 1)).astype(np.int64)
        patches = counts.sum(axis=1)
        scores = counts[image, tag] / patches[image]
        assert counts.shape == (len(crops), words)
        return Tags(self.vocabulary, offsets, tag.astype(np.int64), scores)

    def _count(self, crops: Pixels) -> NDArray[np.int64]:
        """Return how many patches of each crop have each word, int64 ``[n, words]``."""
        patches = patch_descriptors(crops) / self.scale
        # |p − c|² less |p|², which is the same for every word.
        distances = (self.centres**2).sum(axis=1) - 2 * (patches @ self.centres.T)
        nearest = distances.argmin(axis=2)
        words = len(self.centres)
        cells = np.arange(len(crops))[:, None] * words + nearest
        return np.bincount(cells.ravel(), minlength=len(crops) * words).reshape(-1, words)


def fit_visual_words(crops: Pixels, words: int = WORDS, seed: int = 0) -> VisualWords:
    """Return the vocabulary of some crops; no label is asked for.

    Args:
        crops: uint8 ``[n, channels, H, W]``.
        words: size of the vocabulary; fewer where there are not so many patches.
        seed: of the start of k-means, and of which patches it sees where there are more than
            200,000.

    Raises:
        ImprintError: fewer than two words, or no crop.
    """
    from sklearn.cluster import MiniBatchKMeans

    if words < 2 or not len(crops):
        raise ImprintError(
            f"cannot make {words} visual words of {len(crops)} crops: give crops, and choose 2 "
            "words or more"
        )
    patches = _some_patches(crops, seed)
    scale = np.maximum(patches.std(axis=0), GRAY_LEVEL).astype(np.float32)
    start = derive(seed, "visual words") % 2**32
    words = min(words, len(patches))
    clusters = MiniBatchKMeans(words, random_state=start, n_init=1, batch_size=4096)
    clusters.fit(patches / scale)
    return VisualWords(clusters.cluster_centers_.astype(np.float32), scale)


def _some_patches(crops: Pixels, seed: int) -> NDArray[np.float32]:
    of_crop = patch_descriptors(crops[:1]).shape[1]
    most = max(1, FITTED_PATCHES // of_crop)
    if len(crops) > most:
        chosen = generator(seed, "visual words crops").choice(len(crops), most, replace=False)
        crops = crops[np.sort(chosen)]
    patches = patch_descriptors(crops)
    return patches.reshape(-1, patches.shape[2])
