"""Added records from solutions are those of a dense fit."""

import torch

from imprint.lenses.leave_one_out.large.large_additions import (
    candidate_error,
    covariances,
    large_candidates,
)
from imprint.lenses.leave_one_out.large.solutions import SolverChoice
from imprint.lenses.leave_one_out.posterior.additions import candidates
from imprint.lenses.leave_one_out.posterior.targets import centred_one_hot
from tests.lenses.leave_one_out.large.large_solved import large_of, solutions_of, some_queries
from tests.lenses.leave_one_out.large_problem import KERNEL, large_problem


def test_additions_are_those_of_the_dense_fit_within_their_bound():
    records, queries = some_queries(5), some_queries(8)[5:]
    targets = centred_one_hot(torch.tensor([0, 1, 2, 1, 0]), 3)
    x, dense = large_problem().x, large_problem().posterior
    truth = candidates(dense, KERNEL(records, x), KERNEL.diagonal(records), targets)
    between, cross = KERNEL(queries, records), KERNEL(queries, x)
    wanted = truth.at_queries(between, cross, KERNEL.diagonal(queries)).kl_out_in()
    for method, tolerance, close in (("exact", 1e-9, 1e-6), ("nystrom", 1e-3, 0.05)):
        posterior = large_of(method)
        solutions = solutions_of(posterior, records, SolverChoice(tolerance))
        candidate = large_candidates(posterior, records, targets, solutions)
        off = (candidate.self_influence().kl_out_in - truth.self_influence().kl_out_in).abs()
        # α is solved for by the fit, to 1e-4.
        assert (off <= candidate_error(posterior, candidate, solutions) + 1e-3).all()
        ((part, covariance),) = covariances(posterior, records, queries, solutions)
        assert part == slice(0, 3)
        variance_out = KERNEL.diagonal(queries) - (cross @ dense.inverse * cross).sum(1)
        values = candidate.directions(covariance, variance_out).kl_out_in()
        torch.testing.assert_close(values, wanted, atol=close * float(wanted.max()), rtol=0)
