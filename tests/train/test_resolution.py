from dataclasses import replace

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.data.sources.composite import composite
from imprint.nets.zoo.patch_convnet import PatchConvNet
from imprint.train.loop import train
from imprint.train.options import TrainOptions
from imprint.train.resolution import ResolutionRamp

CPU = torch.device("cpu")


def test_the_published_ramp():
    ramp = ResolutionRamp(160, 192, 70, 85)
    assert [ramp.at(epoch, 224) for epoch in range(1000)] == [160] * 78 + [192] * 922


def test_sides_between_lie_on_a_line_in_steps():
    ramp = ResolutionRamp(10, 42, 2, 10, step=4)
    # 10 + 4 (epoch − 2) in multiples of 4; halves go to the even multiple; the ends are as given.
    assert [ramp.at(epoch, 64) for epoch in range(12)] == [
        *(10, 10, 10),
        *(16, 16, 24, 24, 32, 32, 40),
        *(42, 42),
    ]


@pytest.mark.parametrize(("first", "last"), [(8, 12), (40, 48), (24, 40)])
def test_no_side_lies_outside_the_ends_of_the_ramp(first, last):
    ramp = ResolutionRamp(first, last, 0, 10)
    assert all(first <= ramp.at(epoch, 64) <= last for epoch in range(12))


def test_no_ramp_and_a_jump():
    assert {ResolutionRamp().at(epoch, 48) for epoch in range(5)} == {48}
    jump = ResolutionRamp(16, 0, 3, 3)
    assert [jump.at(epoch, 32) for epoch in range(5)] == [16, 16, 16, 32, 32]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"min_resolution": -1}, "min_resolution must be at least 0, got -1"),
        (
            {"start_epoch": 5, "end_epoch": 4},
            r"must be at least start_epoch \(5\), got 4",
        ),
        ({"step": 0}, "step must be at least 1, got 0"),
    ],
)
def test_impossible_ramps_are_rejected(setting, message):
    with pytest.raises(ImprintError, match=message):
        ResolutionRamp(**setting)


def test_views_that_would_shrink_are_rejected():
    with pytest.raises(ImprintError, match="cannot shrink from 64 to 32 pixels"):
        TrainOptions(resolution=ResolutionRamp(min_resolution=64))


def test_training_follows_the_ramp(tmp_path, monkeypatch):
    seen = []
    features = PatchConvNet.features

    def watched(self, images):
        seen.append(images.shape[-1])
        return features(self, images)

    monkeypatch.setattr(PatchConvNet, "features", watched)
    options = TrainOptions(
        architecture_options=(("width", "4"), ("depth", "1")),
        projector="8-4",
        epochs=4,
        warmup_epochs=1,
        batch_size=20,
        snapshot_every=0,
        resolution=ResolutionRamp(16, 32, 1, 3, step=8),
    )
    train(composite(20), np.arange(20), options, tmp_path, 0, CPU)
    assert seen == [16, 16, 24, 32]
    fixed = replace(options, architecture="mlp", architecture_options=())
    with pytest.raises(ImprintError, match="mlp takes images of 32 × 32 pixels only"):
        train(composite(20), np.arange(20), fixed, tmp_path / "fixed", 0, CPU)
