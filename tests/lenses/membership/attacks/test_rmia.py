import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.lenses.membership.slow_forms as slow
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.attack import Evidence
from imprint.lenses.membership.attacks.rmia import RmiaOptions
from tests.lenses.membership.attack_cases import MODELS, POPULATION, each_record, score, simulate


@pytest.mark.parametrize("offline", [False, True])
@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 10_000), target=st.sampled_from([None, 2]), gamma=st.sampled_from([1, 2])
)
def test_it_counts_the_population_records_it_beats(offline, seed, target, gamma):
    evidence, _ = simulate(seed, target=target)
    cohort, slope = evidence.references.cohort, 0.3 if offline else None
    models = np.delete(np.arange(MODELS), [] if target is None else [target])
    population = cohort.population["phi"][models]
    others = [
        slow.rmia_ratio(evidence.population["phi"][:, z], population[:, :, z], slope)
        for z in range(POPULATION)
    ]
    form = lambda one: slow.rmia(  # noqa: E731
        slow.rmia_ratio(one.target, one.outs if offline else one.all, slope), others, gamma
    )
    assert score("rmia", evidence, offline=offline, gamma=gamma).tolist() == pytest.approx(
        each_record(evidence, form)
    )


def test_without_population_it_is_the_ratio_itself():
    evidence, _ = simulate(3)
    bare = Evidence(evidence.target, evidence.references)
    expected = each_record(evidence, lambda one: slow.rmia_ratio(one.target, one.all))
    np.testing.assert_allclose(score("rmia", bare), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gamma": 0.0}, "gamma must be above 0, got 0"),
        ({"gamma": float("nan")}, "gamma must be"),
        ({"gamma": float("inf")}, "gamma must be"),
        ({"slope": 1.5}, r"slope must be in \[0, 1\], got 1.5"),
    ],
)
def test_settings_out_of_range_are_errors(options, message):
    with pytest.raises(ImprintError, match=message):
        RmiaOptions(**options)
