import pytest
import torch

from imprint.core.device import choose_device, free_memory, usable_cores
from imprint.core.errors import ImprintError


def test_the_best_device_is_taken_unless_one_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device() == torch.device("cuda")
    assert choose_device("cpu") == torch.device("cpu")


def test_a_device_that_is_not_there_is_refused_with_those_that_are(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ImprintError, match="no device 'cuda' on this machine: choose one of"):
        choose_device("cuda")


def test_cores_and_memory_are_positive():
    assert usable_cores() >= 1
    free = free_memory(torch.device("cpu"))
    assert free is None or free > 0
