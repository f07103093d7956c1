import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.memorization.attack import attack

PUBLIC = np.array([[0.0], [1.0], [2.0], [3.0]], dtype=np.float32)
LABELS = np.array([2, 0, 0, 1])
ROWS = np.array([7, 8, 9, 10])
CROP = np.array([[0.1]], dtype=np.float32)


def test_only_the_nearest_vote_and_all_neighbours_are_kept():
    found = attack(CROP, PUBLIC, ROWS, LABELS, 3, k=3, voting=1)
    assert found.neighbours.tolist() == [[7, 8, 9]]
    assert found.neighbour_labels.tolist() == [[2, 0, 0]]
    assert found.votes.ranked[0, 0] == 2
    assert attack(CROP, PUBLIC, ROWS, LABELS, 3, k=3).votes.ranked[0, 0] == 0


def test_neighbours_are_searched_on_the_chosen_device(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ImprintError, match="no device 'mps' on this machine"):
        attack(CROP, PUBLIC, ROWS, LABELS, 3, k=3, device="mps")


@pytest.mark.parametrize("voting", [-1, 0, 4])
def test_more_voters_than_searched_neighbours_are_refused(voting):
    with pytest.raises(ImprintError, match=f"from 1 to the 3 neighbours searched, got {voting}"):
        attack(CROP, PUBLIC, ROWS, LABELS, 3, k=3, voting=voting)
