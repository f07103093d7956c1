"""Embeddings: one pass over the images, feeding every network and every layer at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.data.files import stream
from imprint.data.imageset import ImageSet
from imprint.nets.image_model import ImageModel, Layer

Embeddings = dict[str, dict[str, NDArray[np.float32]]]


def embed(
    models: Mapping[str, ImageModel],
    images: ImageSet,
    indices: IntArray,
    rectangles: FloatArray,
    layers: Sequence[Layer] | Mapping[str, Sequence[Layer]],
    device: torch.device,
    what: str,
    batch_size: int = 256,
) -> Embeddings:
    """Return what each network makes of the given rectangles of the given images.

    Each image is read and decoded once for all networks that take the same input size.

    Args:
        models: networks by name; put in evaluation mode and on ``device`` here.
        images: where pixels come from.
        indices: int64 ``[n]``.
        rectangles: float64 ``[n, 4]``, the part of each image to look at.
        layers: which representations to keep, of all networks or by their names.
        device: where to compute.
        what: a few words for the progress bar.
        batch_size: images at a time.

    Returns:
        ``{model: {layer: float32 [n, d]}}``.

    Raises:
        ImprintError: an embedding that is not finite.
    """
    results: Embeddings = {name: {} for name in models}
    kept = layers if isinstance(layers, Mapping) else dict.fromkeys(models, layers)
    sizes = sorted({model.input_size for model in models.values()})
    for size in sizes:
        same = {name: model for name, model in models.items() if model.input_size == size}
        for model in same.values():
            model.place(device).eval()
        batches = stream(images, indices, rectangles, size, batch_size)
        total = -(-len(indices) // batch_size)
        start = 0
        for pixels in track(batches, what, total, "batch"):
            for name, layer, values in _forward(same, pixels, kept, device):
                if layer not in results[name]:
                    shape = (len(indices), values.shape[1])
                    results[name][layer] = np.empty(shape, dtype=np.float32)
                results[name][layer][start : start + len(values)] = values
            start += len(pixels)
    for name, by_layer in results.items():
        for layer, values in by_layer.items():
            if not np.isfinite(values).all():
                row = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
                raise ImprintError(
                    f"the {layer} embedding of {images.name_of(int(indices[row]))} under network "
                    f"{name} is not finite: check the weights and the normalisation"
                )
    return results


@torch.inference_mode()
def _forward(
    models: Mapping[str, ImageModel],
    pixels: NDArray[np.uint8],
    layers: Mapping[str, Sequence[Layer]],
    device: torch.device,
) -> Iterator[tuple[str, str, NDArray[np.float32]]]:
    inputs = torch.from_numpy(pixels).to(device).float().div_(255)
    inputs = inputs.contiguous(memory_format=torch.channels_last)
    for name, model in models.items():
        for layer, values in model.embed_layers(inputs, layers[name]).items():
            yield name, layer, values.float().cpu().numpy()
