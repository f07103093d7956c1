import pytest
import torch
from torch import nn

from imprint.core.errors import ImprintError
from imprint.nets import bounded
from imprint.nets.bounded import bounded_by


def test_a_network_much_larger_than_its_file_is_stopped_while_it_is_built(monkeypatch) -> None:
    monkeypatch.setattr(bounded, "SPARE_NUMBERS", 0)
    weights = {"weight": torch.zeros(10, 10), "bias": torch.zeros(10)}
    with bounded_by(weights, "a network"):
        nn.Linear(10, 40)  # 440 numbers, 4 × 110
    with (
        pytest.raises(ImprintError, match="a network is much larger than the file of weights"),
        bounded_by(weights, "a network"),
    ):
        nn.Linear(10, 41)
    nn.Linear(10, 41)  # the limit goes with the block


def test_many_small_tensors_are_too_many(monkeypatch) -> None:
    monkeypatch.setattr(bounded, "SPARE_TENSORS", 0)
    with (
        pytest.raises(ImprintError, match="much larger"),
        bounded_by({"weight": torch.zeros(1)}, "a network"),
    ):
        nn.Sequential(*(nn.Linear(1, 1) for _ in range(3)))
