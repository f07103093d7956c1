import numpy as np
import pytest

from imprint.core.missing import Missing
from imprint.lenses.membership.cohort.saturation import ByReferences, Strength
from imprint.lenses.membership.study.series.models import find_saturation, measure_attack_at

SIZES = (2, 4, 8)


def strength(areas, tpr):
    """Return the same area for 3 orders and 5 targets, without spread over groups of records."""
    auc = np.broadcast_to(np.array(areas)[:, None, None], (3, 3, 5)).copy()
    auc += 0.01 * np.arange(3)[None, :, None]
    rate = np.full((3, 3, 5), tpr)
    return Strength(auc, rate, np.stack([auc] * 4), np.stack([rate] * 4))


def test_gains_are_the_steps_of_attacks_that_use_references():
    results = ByReferences(
        SIZES, {"lira": strength([0.6, 0.7, 0.7], 0.1), "loss": strength([0.5] * 3, 0.1)}, {}
    )
    saturation = find_saturation(results)
    assert list(saturation) == ["lira"]
    gains = saturation["lira"].gains
    assert [gain.to for gain in gains] == [4, 8]
    assert [gain.value for gain in gains] == pytest.approx([0.1, 0.0])
    assert gains[0].n == 5


def test_anmeasure_attack_at_a_size_is_the_mean_with_the_spread_over_choices():
    attack = measure_attack_at(strength([0.6, 0.7, 0.8], 0.25), 1)
    assert attack.auc.value == pytest.approx(0.71)
    assert attack.spread_over_subsets == pytest.approx(0.01)
    assert attack.tpr_at_fpr["0.01"].value == pytest.approx(0.25)
    unresolved = measure_attack_at(strength([0.6, 0.7, 0.8], np.nan), 0).tpr_at_fpr["0.01"]
    assert isinstance(unresolved, Missing)
    assert "too few non-members" in unresolved.missing
