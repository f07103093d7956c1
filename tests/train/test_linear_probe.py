import numpy as np
import torch
from torch import nn

from imprint.data.augmentation import UNCHANGED
from imprint.data.imageset import ArrayImages
from imprint.nets.image_model import ImageModel
from imprint.study.finding import to_json
from imprint.train.linear_probe import linear_probe
from imprint.train.probe_options import ProbeOptions


def images() -> ArrayImages:
    """Two classes by their brightness; the last four images have the labels swapped."""
    labels = np.arange(24) % 2
    shown = labels.copy()
    shown[20:] = 1 - shown[20:]
    pixels = np.where(shown, 220, 30).astype(np.uint8)[:, None, None, None]
    return ArrayImages(pixels * np.ones((1, 1, 4, 4), np.uint8), labels, ("dark", "bright"))


def test_a_probe_reads_off_what_features_hold_and_not_swapped_labels() -> None:
    model = ImageModel(nn.Flatten(), 1, 4, (0.5,), (0.5,))
    accuracy = linear_probe(
        model,
        images(),
        np.arange(20),
        np.arange(20, 24),
        ProbeOptions(epochs=20, batch_size=10, start_learning_rate=0.5, end_learning_rate=0.1),
        UNCHANGED,
        0,
        torch.device("cpu"),
    )
    assert to_json(accuracy) == {
        "train": {"top1": 1.0, "top5": 1.0, "n": 20},
        "held_out": {"top1": 0.0, "top5": 1.0, "n": 4},
    }
