import pytest
from scipy.stats import norm

from imprint.stats.choices import widen_for_choices
from imprint.stats.estimate import Estimate

ESTIMATE = Estimate(0.6, (0.5, 0.65), 100)


@pytest.mark.parametrize("choices", [0, 1])
def test_one_choice_leaves_the_interval_as_it_is(choices: int) -> None:
    widened = widen_for_choices(ESTIMATE, choices)
    assert widened.ci95 == pytest.approx(ESTIMATE.ci95)


def test_each_side_grows_by_the_quotient_of_normal_quantiles() -> None:
    widened = widen_for_choices(ESTIMATE, 20)
    factor = norm.ppf(1 - 0.05 / 40) / norm.ppf(0.975)
    assert widened.value == 0.6
    assert widened.n == 100
    assert widened.ci95 == pytest.approx((0.6 - 0.1 * factor, 0.6 + 0.05 * factor))
