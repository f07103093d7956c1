import math

import pytest
import torch

from imprint.train.objectives.barlow_twins import barlow_twins_loss
from tests.train.objectives.embeddings import views


@pytest.mark.parametrize("redundancy", [0.0051, 0.7])
def test_barlow_twins_equals_its_definition(redundancy):
    first, second = views(2)
    rows, width = first.shape
    scaled = []
    for view in (first, second):
        mean = [sum(view[r, i] for r in range(rows)) / rows for i in range(width)]
        variance = [
            sum((view[r, i] - mean[i]) ** 2 for r in range(rows)) / rows for i in range(width)
        ]
        scaled.append(
            [
                [
                    float((view[r, i] - mean[i]) / math.sqrt(variance[i] + 1e-5))
                    for i in range(width)
                ]
                for r in range(rows)
            ]
        )
    expected = 0.0
    for i in range(width):
        for j in range(width):
            c = sum(scaled[0][r][i] * scaled[1][r][j] for r in range(rows)) / rows
            expected += (c - 1) ** 2 if i == j else redundancy * c**2
    found = float(barlow_twins_loss(first, second, redundancy))
    assert found == pytest.approx(expected, rel=1e-10)


def test_barlow_twins_ignores_place_and_scale_of_each_dimension():
    first, second = views(3)
    moved = first * torch.tensor([3.0, 0.5, 10, 1, 2]) + torch.arange(5)
    expected = float(barlow_twins_loss(first, second, 0.1))
    assert float(barlow_twins_loss(moved, second, 0.1)) == pytest.approx(expected, rel=1e-3)
