import numpy as np
import torch

from imprint.lenses.coverage.criteria.snac import StrongActivationCoverage
from imprint.lenses.coverage.criterion.moments import training_moments
from imprint.neurons.activations import ActivationTable, Layers
from tests.lenses.coverage.made_activations import table, training, unseen


def test_moments_are_those_of_all_rows_at_once() -> None:
    random = np.random.default_rng(0)
    values = (random.normal(size=(9000, 3)) * [1, 1e-3, 5] + [0, 1e3, -2]).astype(np.float32)
    found = training_moments(table(values, Layers(("three",), (3,))))
    exact = values.astype(np.float64)
    np.testing.assert_allclose(found.mean.numpy(), exact.mean(0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.variance.numpy(), exact.var(0), rtol=1e-9)
    np.testing.assert_array_equal(found.low.numpy(), values.min(0))
    np.testing.assert_array_equal(found.high.numpy(), values.max(0))
    assert found.count == 9000


def test_half_precision_tables_give_the_ranges_of_their_values() -> None:
    train = training()
    half = ActivationTable(train.layers, train.values.astype(np.float16), train.labels)
    criterion = StrongActivationCoverage(train.layers)
    criterion.fit(half)
    assert criterion.boundaries is not None
    torch.testing.assert_close(
        criterion.boundaries.upper, torch.from_numpy(half.values.max(0)).float(), rtol=0, atol=0
    )
    criterion.update(unseen())
    assert criterion.value() > 0
