"""Embeddings: one pass over the images, feeding every network and every layer at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.core.arrays import Pixels
from imprint.core.errors import ImprintError
from imprint.data.view import View
from imprint.nets.image_model import ImageModel, Layer

BATCH = 256
"""Images at a time."""

Embeddings = dict[str, dict[str, NDArray[np.float32]]]


def embed(
    models: Mapping[str, ImageModel],
    view: View,
    layers: Sequence[Layer] | Mapping[str, Sequence[Layer]],
    what: str,
    batch_size: int = BATCH,
) -> Embeddings:
    """Return each model's representations of images.

    Each image is read and decoded once for all models that take the same input size.

    Args:
        models: by name, each on its device; put in evaluation mode here.
        view: which images, and the square of each.
        layers: which representations to keep, of all models or by their names.
        what: a few words for the progress bar.
        batch_size: images at a time.

    Returns:
        ``{model: {layer: float32 [n, d]}}``.

    Raises:
        ImprintError: an embedding that is not finite.
    """
    results: Embeddings = {name: {} for name in models}
    for rows, name, by_layer in embed_batches(models, view, layers, what, batch_size):
        for layer, values in by_layer.items():
            if layer not in results[name]:
                results[name][layer] = np.empty((len(view), values.shape[1]), dtype=np.float32)
            results[name][layer][rows] = values
    return results


def embed_batches(
    models: Mapping[str, ImageModel],
    view: View,
    layers: Sequence[Layer] | Mapping[str, Sequence[Layer]],
    what: str,
    batch_size: int = BATCH,
) -> Iterator[tuple[slice, str, dict[str, NDArray[np.float32]]]]:
    """Yield representations of one batch of images after the other; nothing is kept.

    Arguments and errors as of :func:`embed`.

    Yields:
        rows of the view, in order for each model; the model's name; ``{layer: float32 [b, d]}``.
    """
    kept = layers if isinstance(layers, Mapping) else dict.fromkeys(models, layers)
    for size in sorted({model.input_size for model in models.values()}):
        same = {name: model for name, model in models.items() if model.input_size == size}
        for model in same.values():
            model.place(model.device).eval()
        for rows, pixels in view.batches(size, batch_size, what):
            for name, model in same.items():
                by_layer = _forward(model, pixels, kept[name])
                for layer, values in by_layer.items():
                    _check_finite(values, f"the {layer} embedding", name, view, rows.start)
                yield rows, name, by_layer


@torch.inference_mode()
def _forward(
    model: ImageModel, pixels: Pixels, layers: Sequence[Layer]
) -> dict[str, NDArray[np.float32]]:
    embedded = model.embed_layers(model.to_inputs(pixels), layers)
    return {layer: values.float().cpu().numpy() for layer, values in embedded.items()}


def _check_finite(
    values: NDArray[np.float32], what: str, name: str, view: View, first: int
) -> None:
    if not np.isfinite(values).all():
        row = first + int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        raise ImprintError(
            f"{what} of {view.images.name_of(int(view.index[row]))} under network {name} is not "
            "finite: check the weights and the normalisation"
        )
