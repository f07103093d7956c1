"""The arrays of the original release, under its file names.

For model M attacking the images of set S: ``M_attk_S_neighb_idxs`` and ``M_attk_S_neighb_labels``
``[n, k]``, ``M_attk_S_attk_idxs`` ``[n]``, ``M_attk_S_labels`` ``[n, 1]``, and for t = 1 and 5 the
accuracies ``top_t_conf_sweep_M_attk_S`` at 100 fractions of most confident images from 0.1 to 1.
Rows are in the order of the index here; readers of the originals join on ``attk_idxs`` anyway.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.lenses.dejavu.memorization.attack import CropGuesses
from imprint.lenses.dejavu.memorization.two_model import accuracy_curve

FRACTIONS = np.linspace(0.1, 1, 100)


def legacy_arrays(
    guesses: CropGuesses, rows: NDArray[np.bool_], index: IntArray, labels: IntArray, names: str
) -> dict[str, NDArray[Any]]:
    """Return the arrays of one model attacking one set, by file stem.

    Args:
        guesses: of the model about all crops.
        rows: bool ``[n]``, the crops of the set.
        index: int64 ``[n]``, global indices of all crops.
        labels: int64 ``[n]``, classes of all crops.
        names: ``M_attk_S``.

    Returns:
        without accuracies where the set has no crop, and without those of t = 5 where there are
        fewer than five classes.
    """
    votes = guesses.votes.rows(rows)
    truth = labels[rows]
    arrays: dict[str, NDArray[Any]] = {
        f"{names}_neighb_idxs": guesses.neighbours[rows],
        f"{names}_neighb_labels": guesses.neighbour_labels[rows],
        f"{names}_attk_idxs": index[rows],
        f"{names}_labels": truth[:, None],
    }
    for top in (1, 5):
        if top <= votes.ranked.shape[1] and len(truth):
            arrays[f"top_{top}_conf_sweep_{names}"] = accuracy_curve(
                votes, truth, 100 * FRACTIONS, top
            )
    return arrays
