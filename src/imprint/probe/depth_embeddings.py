"""Representations of images at every depth of a network, one pass, kept on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imprint.core.errors import ImprintError
from imprint.data.view import View
from imprint.nets.image_model import ImageModel

BATCH = 256


def embed_depths(
    model: ImageModel, view: View, folder: Path, what: str
) -> Mapping[str, NDArray[np.float32]]:
    """Return what a network makes of images at every depth.

    Memory is bounded by one batch: rows go to memory-mapped files as they come.

    Args:
        model: the network, on its device; put in evaluation mode here.
        view: which images, and the square of each.
        folder: gets ``DEPTH.npy``; exists.
        what: a few words for the progress bar.

    Returns:
        float32 ``[n, d]`` by depth, memory maps: ``backbone``, then ``projector_1`` …

    Raises:
        ImprintError: an embedding that is not finite.
    """
    model.place(model.device).eval()
    kept: dict[str, NDArray[np.float32]] = {}
    for rows, pixels in view.batches(model.input_size, BATCH, what):
        for depth, values in model.embed_depths(model.to_inputs(pixels)).items():
            if depth not in kept:
                shape = (len(view), values.shape[1])
                file = folder / f"{depth}.npy"
                kept[depth] = np.lib.format.open_memmap(file, "w+", np.float32, shape)
            kept[depth][rows] = values.float().cpu().numpy()
            _check_finite(kept[depth][rows], depth, view.index[rows], view)
    return kept


def _check_finite(
    values: NDArray[np.float32], depth: str, index: NDArray[np.int64], view: View
) -> None:
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        raise ImprintError(
            f"the representation of {view.images.name_of(int(index[row]))} at {depth} is not "
            "finite: check the weights and the normalisation"
        )
