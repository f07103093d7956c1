import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.posterior.full_model import with_all
from imprint.lenses.leave_one_out.posterior.posterior import fit


@pytest.fixture
def fitted():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(9, 4, dtype=torch.float64, generator=generator)
    return fit(inputs[:6] @ inputs[:6].T, torch.eye(6, 2, dtype=torch.float64), 0.3), inputs


def test_it_is_the_posterior_by_explicit_inverse(fitted):
    posterior, inputs = fitted
    train, queries = inputs[:6], inputs[6:]
    inverse = torch.linalg.inv(train @ train.T + 0.3 * torch.eye(6, dtype=torch.float64))
    cross = queries @ train.T
    product, variance = with_all(posterior, cross, queries.square().sum(1))
    torch.testing.assert_close(product, cross @ inverse, rtol=1e-10, atol=1e-12)
    expected = torch.diagonal(queries @ queries.T - cross @ inverse @ cross.T)
    torch.testing.assert_close(variance, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("cross", "variances", "message"),
    [
        (torch.ones(2, 5).double(), torch.ones(2).double(), "do not fit 6 records"),
        (torch.ones(2, 6), torch.ones(2), r"must be computed in torch\.float64"),
        (torch.full((1, 6), torch.inf).double(), torch.ones(1).double(), "kernel of query 0"),
        (torch.zeros(1, 6).double(), torch.zeros(1).double(), ""),
    ],
)
def test_queries_that_do_not_fit_are_refused(fitted, cross, variances, message):
    if message:
        with pytest.raises(ImprintError, match=message):
            with_all(fitted[0], cross, variances)
    else:
        assert with_all(fitted[0], cross, variances)[1].tolist() == [0.0]
