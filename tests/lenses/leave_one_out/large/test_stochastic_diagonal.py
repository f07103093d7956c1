import torch

from imprint.lenses.leave_one_out.large.nystrom import Nystrom
from imprint.lenses.leave_one_out.large.stochastic_diagonal import correction, random_signs
from tests.lenses.leave_one_out.large_problem import large_problem


def test_stochastic_corrections_are_right_on_average_and_say_how_far():
    """Over 30 seeds × 240 records: mean error within 4 deviations of 0, 95 % within 1.96 errors.

    Records of one seed share the signs, so the share of covered ones gets a margin of 2 %.
    """
    problem = large_problem()
    approximate = Nystrom(problem.matrix(), torch.arange(0, 240, 6))
    wanted = problem.posterior.inverse_diagonal - approximate.diagonal()[0]
    scores = []
    for seed in range(30):
        signs = random_signs(240, 64, seed)
        found = correction(signs, problem.posterior.inverse @ signs, approximate.solve(signs))
        scores.append((found.values - wanted) / found.standard_error)
    score = torch.stack(scores)
    assert float(score.mean(0).abs().max()) < 4.5 / 30**0.5 * 1.1
    assert 0.93 < float((score.abs() < 1.96).double().mean()) < 0.97
