import numpy as np
import torch

from imprint.lenses.leave_one_out.posterior.duplicates import (
    exact_copies,
    influence_with_copies,
    self_influence_with_copies,
)
from imprint.lenses.leave_one_out.posterior.posterior import fit
from imprint.lenses.leave_one_out.posterior.records import (
    ALONE,
    label_stands_out,
    record_columns,
)
from imprint.lenses.leave_one_out.posterior.self_influence import self_influence

X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
Y = torch.tensor([[0.5, -0.5], [-0.5, 0.5], [0.5, -0.5]]).double()


def columns():
    x = torch.from_numpy(X)
    posterior = fit(x @ x.T, Y, 1.0)
    copies, alone = exact_copies(X), self_influence(posterior)
    directions = self_influence_with_copies(posterior, copies)
    together = influence_with_copies(alone, directions, Y, 1.0, copies)
    return record_columns(together, alone, Y, copies)


def test_copies_go_together_except_in_the_columns_of_one_alone():
    table = columns()
    assert table["copies"].tolist() == [1, 0, 1]
    assert table["first_copy"].tolist() == [True, True, False]
    # Without both copies nothing is known there: variance 1 and a mean of 0.
    np.testing.assert_allclose(table["variance_out"], [1, 1, 1])
    np.testing.assert_allclose(table["residual_norm"], [0.5**0.5] * 3)
    # With the copy left, the mean is 1/4 and the variance 1/2.
    np.testing.assert_allclose(table["leverage_alone"], [1 / 3, 1 / 2, 1 / 3])
    assert set(table) >= {f"{name}_alone" for name in ALONE}


def test_the_variance_part_of_a_divergence_does_not_depend_on_the_label():
    table = columns()
    # z = 1 of a record without copies: ½ · 2 · (1 − log 2).
    np.testing.assert_allclose(table["kl_variance"][1], 1 - np.log(2))
    assert (table["kl_variance"] < table["kl_out_in"]).all()


def test_a_label_stands_out_against_the_medians():
    assert label_stands_out(np.array([2.0, 2.0, 9.0]), np.ones(3)).tolist() == [False, False, True]
