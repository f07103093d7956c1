import dataclasses

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.posterior.duplicates import (
    collinear_records,
    copies_from_diagonal,
    copies_of,
    exact_copies,
    near_copies,
    self_influence_with_copies,
)
from imprint.lenses.leave_one_out.posterior.posterior import fit
from imprint.lenses.leave_one_out.posterior.self_influence import self_influence
from tests.lenses.leave_one_out.refits import problem


def test_exact_copies_are_of_the_bytes():
    inputs = np.zeros((5, 2, 2), dtype=np.float32)
    inputs[1] = 1
    inputs[3, 0, 0] = 1e-30
    inputs[4] = 1
    assert exact_copies(inputs).tolist() == [0, 1, 0, 3, 1]
    groups = copies_of(exact_copies(inputs))
    assert {name: rows.tolist() for name, rows in groups.items()} == {0: [0, 2], 1: [1, 4]}


def test_collinear_records_are_detected_in_any_block(monkeypatch):
    monkeypatch.setattr("imprint.lenses.leave_one_out.posterior.duplicates._ROWS", 2)
    points = np.random.default_rng(0).normal(size=(6, 8))
    points[3] = 2.5 * points[1]
    points[5] = points[1] * (1 + 1e-13)
    points[4] = points[0]
    points[4, 0] += 1e-5
    points[2] = 0
    kernel = torch.from_numpy(points @ points.T)
    assert collinear_records(kernel).tolist() == [0, 1, 2, 1, 4, 1]
    assert collinear_records(kernel, gap=1e-4).tolist() == [0, 1, 2, 1, 0, 1]


def test_near_copies_lie_within_a_distance():
    """Unit vectors at an angle t are 2 sin(t/2) apart; a multiple is as far as it is longer."""
    angles = torch.tensor([0.0, 0.0099, 0.0198, 1.0, 2.0], dtype=torch.float64)
    points = torch.stack([angles.cos(), angles.sin()], 1)
    points = torch.cat([points, 1.005 * points[3:4], 1.02 * points[4:5]])
    assert near_copies(points @ points.T).tolist() == [0, 0, 0, 3, 4, 3, 6]
    assert near_copies(points @ points.T, 0.005).tolist() == [0, 1, 2, 3, 4, 3, 6]


def test_a_record_goes_with_its_copies():
    """Rows 9 and 10 copy row 2, one with another label: without all three, as if never there."""
    setting = problem(0)
    rows = [*range(9), 2, 2]
    kernel = setting.kernel[rows][:, rows]
    targets = setting.targets[[*range(9), 2, 0]]
    posterior = fit(kernel, targets, setting.noise)
    first = collinear_records(kernel)
    assert first.tolist() == rows
    found = self_influence_with_copies(posterior, first)
    assert found.spread.shape == (11, 3)
    assert (found.kl_out_in()[[2, 9, 10]] > self_influence(posterior).kl_out_in[[2, 9, 10]]).all()
    torch.testing.assert_close(found.kl_out_in()[[9, 10]], found.kl_out_in()[[2, 2]])

    # The three observations tell as much as one of their mean, with a third of the noise.
    rest = [0, 1, 3, 4, 5, 6, 7, 8]
    without = fit(setting.kernel[rest][:, rest], setting.targets[rest], setting.noise)
    variance = (
        setting.kernel[2, 2] - setting.kernel[2, rest] @ without.inverse @ setting.kernel[rest, 2]
    )
    mean = setting.kernel[2, rest] @ without.weights
    noise, target = setting.noise / 3, targets[[2, 9, 10]].mean(0)
    spread = variance / noise
    surprise = (target - mean).square().sum() / (variance + noise)
    expected = 0.5 * (3 * (spread - torch.log1p(spread)) + spread * surprise)
    assert float(found.kl_out_in()[2]) == pytest.approx(float(expected), rel=1e-9)

    alone = self_influence(posterior)
    others = [0, 1, 3, 4, 5, 6, 7, 8]
    torch.testing.assert_close(found.kl_in_out()[others], alone.kl_in_out[others])
    torch.testing.assert_close(found.auc()[others], alone.auc[others], rtol=1e-13, atol=0)


def test_without_copies_nothing_changes():
    posterior = problem(1).fit()
    found = self_influence_with_copies(posterior, torch.arange(9))
    torch.testing.assert_close(found.spread, self_influence(posterior).directions.spread)
    with pytest.raises(ImprintError, match="do not fit 9 records"):
        self_influence_with_copies(posterior, torch.arange(4))


def test_copies_follow_from_the_diagonal_whatever_their_labels():
    random = np.random.default_rng(5)
    x, noise = random.normal(size=(12, 4)), 0.3
    x[5] = x[9] = x[2]
    x[11] = x[0]
    targets = torch.from_numpy(random.normal(size=(12, 3)))
    kernel = torch.from_numpy(np.exp(-0.1 * ((x[:, None] - x) ** 2).sum(2)))
    posterior, first = fit(kernel, targets, noise), exact_copies(x)
    found = self_influence(posterior)
    short = copies_from_diagonal(found, posterior.weights, kernel.diagonal(), noise, first)
    long = self_influence_with_copies(posterior, first)
    for name in ("kl_out_in", "kl_in_out", "auc"):
        one, other = (getattr(directions, name)() for directions in (short, long))
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-10)
    # A leverage that is off cannot take more than the prior variance has.
    high = dataclasses.replace(found, leverage=0 * found.leverage + 0.99)
    most = copies_from_diagonal(high, posterior.weights, kernel.diagonal(), noise, first)
    assert float(most.spread[2]) == pytest.approx(3 / noise)
