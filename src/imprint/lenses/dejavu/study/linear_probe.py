"""The linear probe as a command: one encoder, two lists of images, four accuracies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imprint.core.device import choose_device
from imprint.data.augmentation import Augmentation
from imprint.data.choice import open_choice
from imprint.nets.load import NetworkFile
from imprint.study.json_io import write_json
from imprint.study.options import DataChoice
from imprint.train.command import read_indices
from imprint.train.linear_probe import linear_probe, plain_accuracies
from imprint.train.probe_options import ProbeOptions


def probe_model(
    data: DataChoice,
    seed: int,
    out: Path,
    device: str,
    model: NetworkFile,
    train_indices: Path,
    held_out: Path,
    probe: ProbeOptions,
    view: Augmentation,
) -> dict[str, Any]:
    """Train and measure a linear probe; write and return ``linear_probe.json``.

    Args:
        data: the images.
        seed: of the probe.
        out: folder for the result.
        device: where to compute.
        model: weights of the encoder.
        train_indices: ``.npy``, images it was trained on.
        held_out: ``.npy``, images it was not.
        probe: how the probe is trained.
        view: augmentation of the training images.
    """
    images = open_choice(data, seed)
    found = linear_probe(
        model.load(),
        images,
        read_indices(train_indices, images),
        read_indices(held_out, images),
        probe,
        view,
        seed,
        choose_device(device),
        model.path.stem,
    )
    result = plain_accuracies(found)
    write_json(out / "linear_probe.json", result)
    return result
