import pytest
import torch
from torch import nn

from imprint.train.cohort.optimizer import build_optimizer, peak_learning_rate
from imprint.train.cohort.options import CohortOptions

CPU = torch.device("cpu")


def test_the_peak_grows_with_the_batch() -> None:
    assert peak_learning_rate(CohortOptions(learning_rate=0.2, batch_size=512)) == pytest.approx(
        0.4
    )


def test_only_weights_decay() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    options = CohortOptions(weight_decay=0.1, momentum=0.5)
    optimizer = build_optimizer(model, options, CPU)
    assert isinstance(optimizer, torch.optim.SGD)
    sizes = {group["weight_decay"]: len(group["params"]) for group in optimizer.param_groups}
    assert sizes == {0.1: 1, 0.0: 3}
    assert all(group["nesterov"] for group in optimizer.param_groups)
    adam = build_optimizer(model, CohortOptions(optimizer="adamw", momentum=0.8), CPU)
    assert adam.param_groups[0]["betas"] == (0.8, 0.999)
