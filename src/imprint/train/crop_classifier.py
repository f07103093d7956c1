"""What a classifier of background crops says of crops it was not trained on.

Any architecture, trained by the loop that trains everything else (:mod:`imprint.train.loop`) on a
set of crops, which come through the same reader as those an encoder is attacked with
(:mod:`imprint.data.boxes.cropped`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax

from imprint.core.arrays import IntArray
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.nets.load import load_model
from imprint.probe.embeddings import embed


def predict_crops(
    weights: Path, crops: ImageSet, rows: IntArray, device: torch.device
) -> NDArray[np.float64]:
    """Return ln P(class | crop) under a trained classifier, float64 ``[rows, C]``.

    Args:
        weights: of the classifier, with its card beside it.
        crops: where pixels come from.
        rows: int64 ``[n]``, the crops to judge.
        device: where to compute.
    """
    model = load_model(weights, device=device)
    embeddings = embed({"classifier": model}, View(crops, rows), ("logits",), "judge crops")
    logits = embeddings["classifier"]["logits"].astype(np.float64)
    return np.asarray(log_softmax(logits, axis=1))
