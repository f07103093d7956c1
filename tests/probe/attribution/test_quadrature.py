import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch import nn

from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.layer_attribution import Question
from imprint.probe.attribution.quadrature import even_nodes, gauss_legendre
from imprint.probe.neurons.layer_outputs import LayerOutputs
from tests.probe.attribution.networks import (
    Modules,
    ask,
    build,
    close,
    compute,
)


def test_the_path_may_be_cut_anywhere():
    one = ask(build(Modules), AttributionOptions(steps=10, rows=1))
    other = ask(build(Modules), AttributionOptions(steps=10, rows=1000))
    for name in ("ii", "lc", "lig"):
        close(compute(name, one), compute(name, other), 1e-5)


@pytest.mark.parametrize("count", [1, 3, 8])
def test_gauss_legendre_is_exact_for_every_power_below_twice_its_nodes(count):
    nodes, weights = gauss_legendre(count)
    means = [float((weights * nodes**power).sum()) for power in range(2 * count + 1)]
    exact = [1 / (power + 1) for power in range(2 * count + 1)]
    np.testing.assert_allclose(means[:-1], exact[:-1], rtol=1e-13)
    assert abs(means[-1] - exact[-1]) > 1e-13


def test_the_trapezoid_rule_is_off_by_its_textbook_error():
    nodes, weights = even_nodes(7)
    assert float((weights * nodes).sum()) == pytest.approx(1 / 2)
    # Of t² the second derivative is 2: 2 h² / 12.
    assert float((weights * nodes**2).sum()) - 1 / 3 == pytest.approx(1 / (6 * 7**2))


class Waves(nn.Module):
    """F_k(x) = Σ_j w_kj tanh(A x)_j², smooth in x and in z = A x."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(3, 4, bias=False)
        self.outer = nn.Linear(4, 2, bias=False)

    def forward(self, x):
        return self.outer(torch.tanh(self.inner(x)) ** 2)


@pytest.mark.parametrize(
    ("rule", "steps", "error"), [("gauss_legendre", 12, 1e-6), ("trapezoid", 300, 1e-4)]
)
def test_integrals_of_a_smooth_network_are_those_of_adaptive_quadrature(rule, steps, error):
    torch.manual_seed(0)
    model = Waves().double().eval().requires_grad_(False)
    inputs = torch.randn(2, 3, dtype=torch.float64)
    question = Question(
        LayerOutputs(model),
        inputs,
        torch.tensor([0, 1]),
        torch.arange(2),
        torch.zeros(1, 3, dtype=torch.float64),
        options=AttributionOptions(steps=steps, quadrature=rule),
    )
    outer = model.outer.weight.numpy()
    ends = (inputs @ model.inner.weight.T).numpy()

    def slope(z, row, unit):
        wave = np.tanh(z)
        return outer[row, unit] * 2 * wave * (1 - wave**2)

    for row, unit in np.ndindex(2, 4):
        end = float(ends[row, unit])
        whole = quad(lambda share, e=end, r=row, u=unit: slope(share * e, r, u), 0, 1)[0]
        assert compute("ii", question)["inner"][row, unit] == pytest.approx(whole, abs=error)
        assert compute("lig", question)["inner"][row, unit] == pytest.approx(end * whole, abs=error)
        if rule == "trapezoid":  # On a straight line of inputs conductance is the same integral.
            assert compute("lc", question)["inner"][row, unit] == pytest.approx(
                end * whole, abs=error
            )
        # From tanh(0)² = 0, along z: the integral is the difference of its ends.
        assert end * whole == pytest.approx(outer[row, unit] * np.tanh(end) ** 2)
