import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.attack import ATTACKS, Evidence
from imprint.lenses.membership.attack_kit.ranges import Trim, trimmed_mean
from imprint.lenses.membership.attack_kit.run import cohort_target
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.membership import ramia
from imprint.stats.roc import area
from tests.lenses.membership.attack_cases import score, simulate


def scores_by_view(evidence, base):
    """Score each view by an attack that is shown no other one."""
    views = []
    for view in range(len(evidence.target["phi"])):
        cohort, one = evidence.references.cohort, slice(view, view + 1)
        alone = Cohort(
            {"phi": cohort.signals["phi"][:, one]},
            cohort.members,
            {"phi": cohort.population["phi"][:, one]},
        )
        views.append(
            score(
                base,
                Evidence(
                    {"phi": evidence.target["phi"][one]},
                    References(alone, evidence.references.target),
                    {"phi": evidence.population["phi"][one]},
                ),
            )
        )
    return np.stack(views)


@pytest.mark.parametrize("base", ["rmia", "lira", "loss", "base"])
@pytest.mark.parametrize("target", [None, 4])
def test_scores_are_trimmed_means_of_those_of_each_view(base, target):
    evidence, _ = simulate(1, records=40, augmentations=4, target=target)
    expected = trimmed_mean(scores_by_view(evidence, base), Trim(2, "lowest"))
    scores = score("ramia", evidence, base_attack=base, kept=2, side="lowest")
    np.testing.assert_allclose(scores, expected)


def test_the_trim_is_the_best_on_the_references():
    # Of members one of three views, a random one, is higher; the target itself is noise.
    random = np.random.default_rng(0)
    members = random.random((6, 400)) < 0.5
    phi = random.normal(size=(6, 3, 400))
    phi += 5 * members[:, None] * (random.integers(0, 3, (6, 1, 400)) == np.arange(3)[:, None])
    cohort = Cohort({"phi": phi}, members)
    evidence = Evidence({"phi": random.normal(size=(3, 400))}, References(cohort))

    def mean_area(kept, side):
        areas = []
        for row, inside in enumerate(members):
            one = cohort_target(cohort, row)
            scores = score("ramia", one, base_attack="loss", kept=kept, side=side)
            areas.append(area(scores[inside], scores[~inside]))
        return np.mean(areas)

    trims = [(kept, side) for kept in (1, 2, 3) for side in ("highest", "lowest")]
    kept, side = max(trims, key=lambda trim: mean_area(*trim))
    assert kept < 3
    np.testing.assert_array_equal(
        score("ramia", evidence, base_attack="loss"),
        score("ramia", evidence, base_attack="loss", kept=kept, side=side),
    )


def test_one_view_is_no_range():
    evidence, _ = simulate(1, augmentations=1)
    reason = "needs 2 views of each record or more, and there is 1"
    assert ATTACKS.get("ramia").missing(evidence) == reason
    with pytest.raises(ImprintError, match=reason):
        ramia([1.0, 2.0], signals=[[1.0, 2.5], [0.0, 1.0]], members=[[1, 0], [0, 1]])


def test_curvature_alone_is_a_reason_and_no_error():
    evidence, _ = simulate(1)
    only = Evidence({"log_curvature": evidence.target["log_curvature"]}, evidence.references)
    reason = "needs the signal phi or loss, which is not given"
    assert ATTACKS.get("ramia").missing(only) == reason


def test_more_views_than_there_are_cannot_be_kept():
    evidence, _ = simulate(1)
    with pytest.raises(ImprintError, match=r"ramia\.kept must be at most 2, the number of views"):
        score("ramia", evidence, kept=3)


def test_its_own_name_as_the_base_attack_is_an_error():
    evidence, _ = simulate(1)
    with pytest.raises(ImprintError, match="ramia needs 2 views"):
        score("ramia", evidence, base_attack="ramia", kept=1)
