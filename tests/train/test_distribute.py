import torch
from torch import nn

from imprint.train.distribute import distribute


def test_without_other_processes_the_step_comes_back() -> None:
    """Several processes are in test_processes.py."""
    step = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    assert distribute(step, torch.device("cpu")) is step
    assert isinstance(step[1], nn.BatchNorm1d)
