from dataclasses import dataclass, replace

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.attack import ATTACKS
from imprint.lenses.membership.attacks.rmia import RmiaOptions
from imprint.lenses.membership.scoring import check_arrays, make_scorer, make_settings


def test_an_axis_of_views_is_added_where_it_is_missing():
    arrays = check_arrays(
        {
            "target": np.zeros(3),
            "target_members": [True, False, True],
            "signals": np.zeros((2, 3)),
            "members": np.ones((2, 3), dtype=bool),
            "population": np.zeros((4, 5))[:1],
            "curvature_target": np.zeros(3),
            "mentr": np.zeros(3),
            "index": [4, 5, 6],
        }
    )
    assert arrays.target.shape == (1, 3)
    assert arrays.signals.shape == (2, 1, 3)
    assert arrays.population.shape == (1, 5)
    assert arrays.curvature_target.shape == arrays.mentr.shape == (1, 3)
    assert arrays.index.tolist() == [4, 5, 6]


def test_settings_become_the_dataclass_of_their_attack():
    assert make_settings("rmia", {"gamma": 3.0}) == RmiaOptions(gamma=3.0)
    assert make_settings("loss", {}) is None
    with pytest.raises(ImprintError, match="attack 'base' has no option 'gamma'; it has: offline"):
        make_settings("base", {"gamma": 3.0})


@dataclass(frozen=True)
class BareOptions:
    trim: float = 0.1
    sides: float | None = None


def test_a_setting_without_a_line_about_it_is_named_in_help():
    entry = replace(ATTACKS.get("loss"), Options=BareOptions)
    text = make_scorer(entry).__doc__
    assert "trim: float (default 0.1).\n" in text
    assert "sides: float | None (default None).\n" in text


def test_a_scorer_without_what_its_attack_needs_is_an_error():
    with pytest.raises(ImprintError, match="lira needs reference models, and there are none"):
        make_scorer(ATTACKS.get("lira"))(np.zeros(3))
    with pytest.raises(ImprintError, match="attack_p needs population records"):
        make_scorer(ATTACKS.get("attack_p"))(np.zeros(3))


def test_a_target_that_completes_a_balanced_cohort_is_scored_without_its_partner():
    random = np.random.default_rng(0)
    members = np.argsort(random.random((6, 200)), axis=0) < 3
    signals = random.normal(size=(6, 200))
    own = {"signals": signals[1:], "members": members[1:]}
    lira = make_scorer(ATTACKS.get("lira"))
    known, unknown = lira(signals[0], **own, target_members=members[0]), lira(signals[0], **own)
    assert (known != unknown).any()
