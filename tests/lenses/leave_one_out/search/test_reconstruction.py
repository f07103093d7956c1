import math

import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.search.reconstruction import (
    pixel_correlation,
    psnr,
    reconstructions,
)


def test_errors_by_hand():
    """q = (4, 3) is at the cosine 0.8 to s = (1, 0): t = 4/25, tq = (0.64, 0.48), error 0.6."""
    records = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    found = reconstructions(torch.tensor([[[4.0, 3.0]]]), records, torch.tensor([0]))
    torch.testing.assert_close(found.scaled, torch.tensor([[0.64, 0.48]]).double())
    assert float(found.scaled_error) == pytest.approx(0.6)
    assert float(found.error) == pytest.approx(math.hypot(3, 3))
    assert found.identified.tolist() == [True]
    other = reconstructions(torch.tensor([[[4.0, 3.0]]]), records, torch.tensor([1]))
    assert other.identified.tolist() == [False]
    assert other.nearest.tolist() == [0]


def test_positive_multiples_are_as_good_and_negative_ones_are_not():
    records = torch.randn(5, 3, 2, generator=torch.Generator().manual_seed(0))
    rows = torch.tensor([2, 2, 2])
    queries = torch.stack([0.01 * records[2], 50 * records[2], -records[2]])[:, None]
    found = reconstructions(queries, records, rows)
    assert found.scaled_error.tolist() == pytest.approx([0, 0, 1], abs=1e-6)
    assert found.identified.tolist() == [True, True, False]
    assert found.cosine.tolist() == pytest.approx([1, 1, -1], abs=1e-6)


def test_the_nearest_of_several_queries_counts():
    records = torch.eye(3)
    queries = torch.tensor([[[0.0, 1, 0], [3, 0.1, 0]]])
    found = reconstructions(queries, records, torch.tensor([0]))
    assert found.query.tolist() == [1]
    assert found.identified.tolist() == [True]


def test_an_equal_record_is_as_good_as_the_record():
    records = torch.tensor([[1.0, 0], [1, 0], [0, 1]])
    found = reconstructions(torch.tensor([[[2.0, 0]]]), records, torch.tensor([1]))
    assert found.identified.tolist() == [True]


def test_an_empty_query_shows_nothing():
    found = reconstructions(torch.zeros(1, 1, 2), torch.eye(2), torch.tensor([1]))
    assert found.identified.tolist() == [False]
    assert found.scaled_error.tolist() == [1]


def test_pictures_by_hand():
    one, other = torch.tensor([[0.0, 1, 2]]), torch.tensor([[10.0, 8, 6]])
    assert pixel_correlation(one, other).tolist() == pytest.approx([-1])
    # Errors 0, 0 (300 counts as 255) and 51: a mean square of 867, 255² / 867 = 75.
    shown, truth = torch.tensor([[0.0, 300, 51]]), torch.tensor([[0.0, 255, 0]])
    assert psnr(shown, truth, 255).tolist() == pytest.approx([10 * math.log10(75)])
    assert psnr(truth, truth, 255).tolist() == [math.inf]


def test_shapes_that_do_not_fit():
    with pytest.raises(ImprintError, match="do not fit records"):
        reconstructions(torch.zeros(2, 1, 3), torch.eye(3), torch.tensor([0]))
