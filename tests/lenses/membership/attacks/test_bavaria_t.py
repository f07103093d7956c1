import numpy as np
import pytest

from imprint.membership import bavaria_t
from tests.lenses.membership.attack_cases import score, simulate

MEMBERS = [[0], [0], [1], [1]]
SIGNALS = [[-1.0], [1.0], [2.0], [4.0]]


def test_one_record_by_hand():
    # Priors 0 and 3, s² = 1. Both sides: df 6, squared scale 3 · 4 / (3 · 3) …, locations 0 and 3.
    assert bavaria_t([3.0], signals=SIGNALS, members=MEMBERS).tolist() == pytest.approx(
        [3.4601], abs=5e-5
    )


def test_offline_takes_the_prior_for_in():
    assert bavaria_t(
        [3.0], signals=SIGNALS, members=MEMBERS, offline=True
    ).tolist() == pytest.approx([3.3808], abs=5e-5)


def test_offline_does_not_read_the_in_models_of_the_record_beyond_the_prior():
    evidence, _ = simulate(4)
    cohort = evidence.references.cohort
    before = score("bavaria_t", evidence, offline=True)
    # Swap the IN margins of all records among one another: the entries of the side stay the same.
    for values in {id(each): each for each in cohort.signals.values()}.values():
        inside = np.broadcast_to(cohort.members[:, None], values.shape)
        for view in range(values.shape[1]):
            chosen = inside[:, view]
            values[:, view][chosen] = values[:, view][chosen][::-1]
    cohort._sums.clear()
    np.testing.assert_allclose(score("bavaria_t", evidence, offline=True), before)
