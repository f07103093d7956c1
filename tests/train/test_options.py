from dataclasses import replace

import pytest

from imprint.core.errors import ImprintError
from imprint.train.options import TrainOptions
from tests.train.small_runs import OPTIONS


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"batch_size": 1}, "batch_size must be at least 2, got 1: batch statistics"),
        ({"warmup_epochs": 9}, r"warmup_epochs must be at most epochs \(\d\), got 9"),
        ({"warmup": 1.5}, r"warmup must be in \[0, 1\], got 1.5"),
        ({"learning_rate": 0}, "learning_rate must be above 0, got 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be a finite number"),
        ({"momentum": 1.0}, r"momentum must be in \[0, 1\), got 1"),
        ({"momentum": -0.1}, r"momentum must be in \[0, 1\), got -0.1"),
        ({"weight_decay": -1e-4}, "weight_decay must be at least 0, got -0.0001"),
        ({"end_ratio": 1.5}, r"end_ratio must be in \[0, 1\], got 1.5"),
        ({"snapshot_every": -1}, "snapshot_every must be at least 0, got -1"),
        (
            {"precision": "float8"},
            "precision must be one of float32, bfloat16, float16, got",
        ),
        ({"optimizer": "adam"}, "optimizer must be one of adamw, sgd, lars, got 'adam'"),
    ],
)
def test_impossible_options_are_rejected(setting, message):
    with pytest.raises(ImprintError, match=message):
        replace(OPTIONS, **setting)


def test_warm_up_is_a_share_of_the_epochs_unless_epochs_are_stated() -> None:
    assert TrainOptions().rising_epochs == 70
    assert TrainOptions(epochs=1).rising_epochs == 0.1
    assert TrainOptions(epochs=20, warmup_epochs=3).rising_epochs == 3
