import math

import mpmath
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.lenses.leave_one_out.posterior.noncentral_chi_square import log_distribution


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def mixture(value, noncentrality, freedom):
    """The distribution function as a Poisson mixture of central ones."""
    x, centre = mpmath.mpf(value), mpmath.mpf(noncentrality) / 2
    first = int(max(0, centre - 15 * mpmath.sqrt(centre) - 40))
    last = int(centre + 15 * mpmath.sqrt(centre) + 60)
    return mpmath.fsum(
        mpmath.exp(-centre + (j * mpmath.log(centre) if j else 0) - mpmath.loggamma(j + 1))
        * mpmath.gammainc(mpmath.mpf(freedom) / 2 + j, 0, x / 2, regularized=True)
        for j in range(first, last)
    )


@given(
    st.sampled_from([1, 2, 3, 10, 1000]),
    st.floats(-4, 2.5),
    st.floats(-5, 5),
)
@settings(max_examples=30, deadline=None)
def test_distribution_against_the_poisson_mixture(freedom, log_noncentrality, deviations):
    noncentrality = 10**log_noncentrality
    mean, deviation = freedom + noncentrality, math.sqrt(2 * freedom + 4 * noncentrality)
    value = mean * math.exp(deviations * deviation / mean)
    excess = value - noncentrality
    found = log_distribution(
        *(tensor([number]) for number in (value, excess, noncentrality)), freedom
    )[0].exp()
    with mpmath.workdps(30):
        # The value that x and x − λ agree on: their difference was rounded.
        expected = float(mixture(value, noncentrality, freedom))
    assert float(found) == pytest.approx(expected, rel=1e-10, abs=1e-250)
