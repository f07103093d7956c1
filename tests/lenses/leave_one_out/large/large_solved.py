"""Solutions of a small large problem, by a method and to a residual."""

from functools import lru_cache

import torch

from imprint.lenses.leave_one_out.large.fit import fit_large
from imprint.lenses.leave_one_out.large.kept_fit import kept_fit
from imprint.lenses.leave_one_out.large.large_posterior import LargePosterior, posterior_of
from imprint.lenses.leave_one_out.large.memory_plan import LargeOptions
from imprint.lenses.leave_one_out.large.solutions import Solutions, SolverChoice, solve_all
from tests.lenses.leave_one_out.large_problem import KERNEL, NOISE, large_problem


@lru_cache
def large_of(method: str = "exact") -> LargePosterior:
    problem = large_problem()
    options = LargeOptions(method=method, sample=80, landmarks=60, probes=0)
    fit = fit_large(KERNEL, problem.x, problem.targets, NOISE, options)
    return posterior_of(fit, kept_fit(fit))


def some_queries(count: int = 6) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(count, 12, generator=generator).double()


def solutions_of(posterior, queries, choice=None, folder=None) -> Solutions:
    solutions = Solutions([posterior.records] * len(queries), folder)
    solve_all(
        posterior,
        solutions,
        lambda part: posterior.cross(queries[part]),
        lambda _, column: column,
        choice or SolverChoice(1e-8),
    )
    return solutions
