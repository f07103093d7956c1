import pytest
from scipy.stats import binom

from imprint.lenses.leave_one_out.large.fit import fit_large
from imprint.lenses.leave_one_out.large.memory_plan import LargeOptions
from tests.lenses.leave_one_out.large_problem import KERNEL, NOISE, large_problem


def fitted(**options):
    problem = large_problem()
    chosen = LargeOptions(**{"sample": 80, "probes": 0, **options})
    return fit_large(KERNEL, problem.x, problem.targets, NOISE, chosen)


def off(fit, measure):
    truth = getattr(large_problem().truth, measure)
    return (getattr(fit.influence, measure) - truth).abs() / truth


@pytest.mark.parametrize("method", ["hybrid", "nystrom"])
def test_error_bars_cover_the_error_of_all_records(method):
    """Each of 15 samples covers with at least 95 %: more than 5 misses happen once in 10⁴."""
    misses = {"median": 0, "quantile95": 0}
    for seed in range(15):
        fit = fitted(method=method, landmarks=60, seed=seed, tolerance=1e-6)
        every = off(fit, "kl_out_in")
        for name, share in (("median", 0.5), ("quantile95", 0.95)):
            low, high = getattr(fit.error["kl_out_in"], name).ci95
            misses[name] += not low * 0.999 <= float(every.quantile(share)) <= high * 1.001
    assert max(misses.values()) <= binom.ppf(1 - 1e-4, 15, 0.05)


def test_a_sample_of_all_records_leaves_no_interval():
    fit = fitted(method="hybrid", sample=1000)
    error = fit.error["leverage"].median
    assert error.n == 240
    assert error.ci95 == (error.value, error.value)
