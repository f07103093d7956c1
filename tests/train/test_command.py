from dataclasses import replace

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.data.sources.composite import composite
from imprint.study.store import Study
from imprint.train.command import train_network
from imprint.train.options import TrainOptions

OPTIONS = TrainOptions(
    architecture="mlp",
    architecture_options=(("widths", "4"),),
    objective="supervised",
    input_size=8,
    epochs=1,
    batch_size=8,
    projector="",
)


def test_a_network_is_trained_once_and_other_settings_are_named(tmp_path):
    images, indices, cpu = composite(20), np.arange(16), torch.device("cpu")
    study = Study(tmp_path)
    first = train_network(study, images, indices, OPTIONS, 0, cpu)
    assert first is not None
    weights = tmp_path / "network" / "final.safetensors"
    written = weights.stat().st_mtime_ns
    again = train_network(study, images, indices, OPTIONS, 0, cpu)
    assert again == first
    assert weights.stat().st_mtime_ns == written
    with pytest.raises(ImprintError, match=r"train\.epochs: 1 there, 2 now"):
        train_network(study, images, indices, replace(OPTIONS, epochs=2), 0, cpu)
    with pytest.raises(ImprintError, match="indices: "):
        train_network(study, images, indices[:15], OPTIONS, 0, cpu)
