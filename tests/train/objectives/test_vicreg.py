import math

import pytest
import torch

from imprint.train.objectives.vicreg import VICRegOptions, vicreg_loss
from tests.train.objectives.embeddings import views


def slow_vicreg(first, second, options):
    rows, width = first.shape
    invariance = sum(
        (first[i, j] - second[i, j]) ** 2 for i in range(rows) for j in range(width)
    ) / (rows * width)
    variance = covariance = 0.0
    for view in (first, second):
        mean = view.mean(0)
        for i in range(width):
            for j in range(width):
                product = sum((view[r, i] - mean[i]) * (view[r, j] - mean[j]) for r in range(rows))
                product = float(product) / (rows - 1)
                if i == j:
                    variance += max(0.0, 1 - math.sqrt(product + 1e-4)) / width / 2
                else:
                    covariance += product**2 / width
    return (
        options.invariance * float(invariance)
        + options.variance * variance
        + options.covariance * covariance
    )


@pytest.mark.parametrize("options", [VICRegOptions(), VICRegOptions(3.0, 0.5, 7.0)])
def test_vicreg_equals_its_definition(options):
    first, second = views(0)
    expected = slow_vicreg(first, second, options)
    assert float(vicreg_loss(first, second, options)) == pytest.approx(expected, rel=1e-12)


def test_vicreg_of_perfect_embeddings_is_zero():
    signs = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]], dtype=torch.float64) * 2
    assert float(vicreg_loss(signs, signs, VICRegOptions())) == 0.0
