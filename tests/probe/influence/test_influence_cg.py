import pytest
import torch

from imprint.probe.influence.influence_cg import residual_of, solve
from imprint.probe.influence_kit.question import INFLUENCES
from tests.probe.influence.small_problems import linear, made


def test_a_diagonal_system_is_solved_and_its_residual_is_measured() -> None:
    diagonal = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    right = torch.tensor([[3.0, 3.0, 5.0], [0.0, 1.0, 0.0]], dtype=torch.float64)
    solution, residual, steps = solve(lambda rows: rows * diagonal, right, 1.0, 1e-12, 10)
    torch.testing.assert_close(solution, right / (diagonal + 1))
    assert residual < 1e-12
    assert steps <= 3
    nothing = torch.zeros_like(right)
    assert residual_of(lambda rows: rows * diagonal, nothing, right, 1.0) == pytest.approx(1)


def test_it_is_the_gauss_newton_influence() -> None:
    trained = made(linear())
    torch.testing.assert_close(
        INFLUENCES.get("influence_cg")(trained).table,
        INFLUENCES.get("influence_gauss_newton")(trained).table,
        rtol=1e-2,
        atol=1e-5,
    )
