"""A classifier from background crop to the class of the object that was beside it.

Any architecture, trained by the loop that trains everything else; crops come through the same
reader as those an encoder is attacked with (:mod:`imprint.data.cropped`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax

from imprint.data.geometry import centre_squares, whole_rectangles
from imprint.data.imageset import ImageSet, IntArray
from imprint.nets.load import load_subject
from imprint.probe.embeddings import embed
from imprint.train.loop import train
from imprint.train.options import TrainOptions


def train_crop_classifier(
    crops: ImageSet,
    rows: IntArray,
    options: TrainOptions,
    out: Path,
    seed: int,
    device: torch.device,
    name: str,
) -> Path:
    """Train on some crops; return the path of the weights.

    Args:
        crops: where pixels and labels come from.
        rows: int64 ``[n]``, the crops to train on.
        options: of training; the objective must need labels.
        out: folder, as of :func:`imprint.train.loop.train`.
        seed: of everything random.
        device: where to train.
        name: what progress calls it.
    """
    return train(crops, rows, options, out, seed, device, name)


def predict_crops(
    weights: Path, crops: ImageSet, rows: IntArray, device: torch.device
) -> NDArray[np.float64]:
    """Return ln P(class | crop) under a trained classifier, float64 ``[rows, C]``."""
    subject = load_subject(weights)
    squares = centre_squares(whole_rectangles(crops.sizes()[rows]))
    found = embed({"classifier": subject}, crops, rows, squares, ("logits",), device, "judge crops")
    logits = found["classifier"]["logits"].astype(np.float64)
    return np.asarray(log_softmax(logits, axis=1))
