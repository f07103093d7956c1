import copy

import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.page.study import build, list_study, study_table
from imprint.lenses.membership.study_findings import read_study

EVALUATION = {
    "balanced_accuracy": {"value": 0.5, "ci95": [0.4, 0.6], "n": 8},
    "smallest_fpr": 0.01,
    "reads": "phi",
}
COHORT = {
    "skipped": {},
    "failed_controls": [],
    "accuracy": {"members": 0.9, "non_members": 0.6, "population": 0.6},
    "models": 8,
    "records": 100,
    "members": {"least": 50, "most": 50},
}


def shown(value, half=0.02, n=8):
    return {"value": value, "ci95": [value - half, value + half], "n": n}


def point(value, name, more=None, **areas):
    attacks = {
        attack: {"auc": shown(area), "tpr_at_fpr": {"0.01": shown(area / 10)}, **EVALUATION}
        for attack, area in areas.items()
    }
    return {"value": value, "name": name, "attacks": attacks, **(more or {})}


def budget(epsilon, **areas):
    privacy = {"epsilon": epsilon - 0.01, "delta": 1e-5, "accountant": "rdp"}
    more = {
        **COHORT,
        "privacy": {**privacy, "noise": {"least": 1.0, "most": 1.0}},
        "allowed": {"auc": 0.9, "tpr_at_fpr": {"0.01": 0.1}},
    }
    return point(epsilon, f"epsilon {epsilon:g}", more, **areas)


def references(value, **areas):
    made = point(value, f"{value} models", None, **areas)
    for attack in made["attacks"].values():
        attack["spread_over_subsets"] = None
    return made


PRIVATE = {
    "over": "epsilon",
    "points": [
        budget(1.0, base=0.52, loss=0.51, curvature_lr=0.49),
        budget(8.0, base=0.55, loss=0.52, curvature_lr=0.54),
        point(None, "no privacy", COHORT, base=0.8, loss=0.7, curvature_lr=0.6),
    ],
}
MODELS = {
    "over": "models",
    "models": 8,
    "records": 100,
    "population": 0,
    "skipped": {},
    "accuracy": {"members": 0.9, "non_members": 0.6, "population": {"missing": "there is none"}},
    "points": [
        references(2, rmia=0.6, base=0.6, loss=0.55, lira=0.52, curvature_lr=0.51),
        references(4, rmia=0.65, base=0.65, loss=0.55, lira=0.6, curvature_lr=0.52),
    ],
    "saturation": {
        "rmia": {"models": 2, "gains": []},
        "lira": {"models": {"missing": "the last step still gains"}, "gains": []},
    },
}


def page(study):
    return build(None, {"lenses": {"membership": {"study": study}}}).html


def test_a_study_of_budgets_is_drawn_beside_what_is_allowed():
    text = page(PRIVATE)
    assert text.count("most that ε allows") >= 2
    for name in ("study-auc", "study-tpr", "study-kl", "shape of the curvature bound"):
        assert name in text
    assert "accounted ε 0.99" in text


def test_no_study_has_no_section_and_a_damaged_one_is_told():
    assert build(None, {"lenses": {"membership": {"attacks": {}}}}) is None
    assert build(None, {"lenses": {}}) is None
    damaged = copy.deepcopy(PRIVATE)
    del damaged["points"][0]["privacy"]["epsilon"]
    with pytest.raises(ImprintError, match=r"there is no 'epsilon' at .*points.*privacy"):
        page(damaged)
    with pytest.raises(ImprintError, match="a study over 'width' is unknown"):
        page({"over": "width"})


def test_table_holds_the_auc_of_every_attack_and_what_the_budget_allows():
    rows = study_table(read_study(PRIVATE)).records()
    assert [row["point"] for row in rows] == ["epsilon 1", "epsilon 8", "no privacy"]
    assert [row["base"] for row in rows] == [0.52, 0.55, 0.8]
    assert [row["allowed_auc"] for row in rows] == [0.9, 0.9, None]


def test_terminal_lists_saturation_and_failed_controls():
    lines = list_study(read_study(MODELS))
    assert "rmia: from 2 references on, no step improves" in lines[1]
    failed = copy.deepcopy(PRIVATE)
    failed["points"][0]["failed_controls"] = ["untrained of base"]
    assert list_study(read_study(failed))[-1] == "control failed: untrained of base, epsilon 1"
    assert "A control failed: untrained of base, epsilon 1." in page(failed)
