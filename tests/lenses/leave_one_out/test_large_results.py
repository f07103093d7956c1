"""Queries, groups and additions of a large fit in Python, beside those of a dense fit."""

import numpy as np
import pytest

from imprint import leave_one_out
from imprint.core.errors import ImprintError


@pytest.fixture(scope="module")
def fits():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(90, 5)), np.arange(90) % 3
    dense = leave_one_out.fit(x, y)
    return dense, leave_one_out.fit_large(x, y, method="exact", sample=72)


def assert_alike(one, other):
    assert one.measures.keys() == other.measures.keys()
    for name, values in one.measures.items():
        scale = 1e-6 * np.abs(values).max()
        np.testing.assert_allclose(other.measures[name], values, atol=scale, err_msg=name)


def test_a_large_fit_is_asked_as_a_dense_one(fits):
    dense, large = fits
    random = np.random.default_rng(1)
    x, y = random.normal(size=(4, 5)), [0, 1, 2, 2]
    assert_alike(dense.query(x, y), large.query(x, y))
    groups = {"a": [1, 2, 3], "b": [50]}
    assert_alike(dense.leave_out(groups, x), large.leave_out(groups, x))
    assert_alike(dense.add(x, y, x + 1), large.add(x, y, x + 1))
    answer = large.query(x, y, measures=("kl_out_in",), values="float32", tolerance=1e-6)
    assert answer.measures["kl_out_in"].dtype == np.float32
    assert answer.findings.accuracy.tolerance == 1e-6
    assert answer.findings.influential is not None


def test_groups_without_names_are_refused(fits):
    for fit in fits:
        with pytest.raises(ImprintError, match="groups must be a mapping"):
            fit.leave_out([[0, 1], [2]])


def test_mistakes_are_one_sentence(fits):
    _, large = fits
    with pytest.raises(ImprintError, match="there is no option 'tol'"):
        large.query(np.ones((1, 5)), tol=1)
    with pytest.raises(ImprintError, match="measures has no 'kl'"):
        large.query(np.ones((1, 5)), measures=("kl",))
    with pytest.raises(ImprintError, match="must be rows from 0 to 89"):
        large.leave_out({"a": [90]})
