import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.attack import ATTACKS, Evidence
from imprint.lenses.membership.cohort.references import Cohort, References
from tests.lenses.membership.attack_cases import score, simulate


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("loss", {"target": {}}, "needs the signal phi or loss, which is not given"),
        ("curvature_lr", {"target": {"phi": np.zeros((1, 3))}}, "needs the signal log_curvature"),
        ("attack_p", {"population": {}}, "needs population records, which are not given"),
        ("lira", {"references": None}, "needs reference models, and there are none"),
    ],
)
def test_an_attack_that_lacks_something_gives_the_reason(name, change, reason):
    evidence, _ = simulate(0)
    parts = {key: getattr(evidence, key) for key in ("target", "references", "population")}
    lacking = Evidence(**{**parts, **change})
    assert ATTACKS.get(name).missing(lacking).startswith(reason)
    with pytest.raises(ImprintError, match=reason):
        score(name, lacking)


def test_an_attack_without_models_on_one_side_names_it():
    phi = {"phi": np.random.default_rng(0).normal(size=(3, 1, 4))}
    one = {"phi": phi["phi"][0]}
    every = Evidence(one, References(Cohort(phi, np.ones((3, 4), dtype=bool))))
    none = Evidence(one, References(Cohort(phi, np.zeros((3, 4), dtype=bool))))
    single = Evidence(one, References(Cohort({"phi": phi["phi"][:1]}, np.eye(1, 4) > 0)))
    assert "every reference was trained on every record" in ATTACKS.get("watson").missing(every)
    assert "no reference was trained on any record" in ATTACKS.get("mast").missing(none)
    assert ATTACKS.get("lira_offline").missing(none) is None
    assert "no record has two models on one side" in ATTACKS.get("lira").missing(single)
    assert ATTACKS.get("base").missing(single) is None


def test_a_signal_that_references_lack_is_not_compared_with_them():
    random = np.random.default_rng(0)
    members = np.array([[True, False] * 4, [False, True] * 4] * 2)
    phi = random.normal(size=(4, 1, 8))
    target = {"phi": phi[0] + 1, "log_curvature": random.normal(size=(1, 8))}
    evidence = Evidence(target, References(Cohort({"phi": phi}, members)))
    alone = Evidence({"phi": target["phi"]}, evidence.references)
    multi = ATTACKS.get("multi")
    np.testing.assert_array_equal(multi.score(evidence), multi.score(alone))
    assert "log_curvature" in str(ATTACKS.get("curvature_lr").missing(evidence))
    assert ATTACKS.get("loss").readable(evidence) is evidence
