"""Solutions in memory and in files: residuals as stated, and a killed run goes on."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.large.solutions import (
    MISSING,
    NORM,
    QUADRATIC,
    RESIDUAL,
    Solutions,
    SolverChoice,
    solve_all,
    solver_choice,
)
from tests.lenses.leave_one_out.large.large_solved import large_of, solutions_of, some_queries
from tests.lenses.leave_one_out.large_problem import NOISE, large_problem


@pytest.mark.parametrize("method", ["exact", "hybrid", "nystrom"])
def test_solutions_and_the_stated_residual_are_true(method):
    posterior, queries = large_of(method), some_queries()
    solutions = solutions_of(posterior, queries, SolverChoice(1e-5))
    dense = large_problem().posterior
    cross = posterior.cross(queries)
    solved = torch.from_numpy(np.array(solutions.table.T))
    matrix = dense.kernel_matrix + NOISE * torch.eye(posterior.records).double()
    residual = (cross - matrix @ solved).norm(dim=0)
    np.testing.assert_allclose(solutions.facts[:, RESIDUAL], residual, rtol=1e-6, atol=1e-11)
    np.testing.assert_allclose(solutions.facts[:, NORM], cross.norm(dim=0))
    assert solutions.relative_residual.max() <= 1e-5
    truth = (cross * (dense.inverse @ cross)).sum(0)
    least = truth - torch.from_numpy(solutions.facts[:, QUADRATIC])
    slack = 1e-12 * truth
    assert (least >= -slack).all()
    assert (least <= residual.square() / NOISE + slack).all()
    missing = (dense.inverse @ cross - solved).abs() / dense.inverse_diagonal.sqrt()[:, None]
    estimate = torch.from_numpy(solutions.facts[:, MISSING])
    assert (missing.amax(0) <= 3 * estimate + 1e-12).all()


def test_a_killed_run_goes_on_behind_its_last_block(tmp_path):
    posterior, queries = replace(large_of(), columns=2), some_queries(5)
    whole = solutions_of(posterior, queries)
    asked = []

    def killed_at_the_third(part):
        asked.append(part)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return posterior.cross(queries[part])

    solutions = Solutions([posterior.records] * 5, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        solve_all(posterior, solutions, killed_at_the_third, lambda _, x: x, SolverChoice(1e-8))
    again = Solutions([posterior.records] * 5, tmp_path)
    assert again.done == 4
    again = solutions_of(posterior, queries, folder=tmp_path)
    assert again.done == 5
    np.testing.assert_allclose(again.table, whole.table, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(again.facts[:, NORM], whole.facts[:, NORM])


def test_a_given_number_of_passes_ends_short_of_the_tolerance():
    posterior, queries = large_of("nystrom"), some_queries()
    solutions = solutions_of(posterior, queries, SolverChoice(1e-12, 2))
    assert solutions.passes == 2
    assert 1e-12 < solutions.relative_residual.max() < 1


def test_without_passes_no_convergence_is_an_error(monkeypatch):
    monkeypatch.setattr("imprint.lenses.leave_one_out.large.solutions.DEFAULT_PASSES", 1)
    with pytest.raises(ImprintError, match="did not converge in 1 passes"):
        solutions_of(large_of("nystrom"), some_queries(), SolverChoice(1e-12))


def test_a_damaged_file_is_one_sentence(tmp_path):
    posterior, queries = large_of(), some_queries(2)
    solutions_of(posterior, queries, folder=tmp_path)
    (tmp_path / "solved.npy").write_bytes(b"none")
    with pytest.raises(ImprintError, match=r"solved\.npy is damaged: delete its folder"):
        Solutions([posterior.records] * 2, tmp_path)


def test_a_query_beyond_float64_is_one_sentence():
    posterior = large_of()
    right = torch.ones(posterior.records, 2).double()
    right[3, 1] = torch.inf
    solutions = Solutions([posterior.records] * 2)
    with pytest.raises(ImprintError, match="input 1 is too large for float64"):
        solve_all(posterior, solutions, lambda _: right, lambda _, x: x, SolverChoice(1e-8))


def test_the_default_tolerance_is_that_of_the_method():
    assert solver_choice("hybrid", None, None) == SolverChoice(1e-8)
    assert solver_choice("nystrom", None, 3) == SolverChoice(1e-4, 3)
    assert solver_choice("exact", 1e-3, None) == SolverChoice(1e-3)
