import copy

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.page.section_study import build
from imprint.lenses.membership.page.study_bounds import FINE, separation, through
from imprint.lenses.membership.page.study_figures import study_figures
from imprint.lenses.membership.page.study_lines import chosen_attacks
from imprint.lenses.membership.privacy.theory import kl_curvature


def shown(value, half=0.02, n=8):
    return {"value": value, "ci95": [value - half, value + half], "n": n}


def point(value, name, more=None, **areas):
    attacks = {
        attack: {"auc": shown(area), "tpr_at_fpr": {"0.01": shown(area / 10)}}
        for attack, area in areas.items()
    }
    return {"value": value, "name": name, "attacks": attacks, **(more or {})}


def budget(epsilon, **areas):
    privacy = {"privacy": {"epsilon": epsilon - 0.01, "delta": 1e-5}, "allowed": {"auc": 0.9}}
    return point(epsilon, f"epsilon {epsilon:g}", privacy, **areas)


PRIVATE = {
    "over": "epsilon",
    "points": [
        budget(1.0, base=0.52, loss=0.51, curvature_lr=0.49),
        budget(8.0, base=0.55, loss=0.52, curvature_lr=0.54),
        point(None, "no privacy", base=0.8, loss=0.7, curvature_lr=0.6),
    ],
}
MODELS = {
    "over": "models",
    "points": [
        point(2, "2 models", rmia=0.6, base=0.6, loss=0.55, lira=0.52, curvature_lr=0.51),
        point(4, "4 models", rmia=0.65, base=0.65, loss=0.55, lira=0.6, curvature_lr=0.52),
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


def test_a_shape_is_left_out_where_curvature_found_nothing():
    study = copy.deepcopy(PRIVATE)
    for one in study["points"]:
        one["attacks"]["curvature_lr"]["auc"] = shown(0.5)
    kl = study_figures(study)[-1]
    assert "shape of the curvature bound" not in kl.svg
    assert "constants" not in kl.caption


def test_a_shape_goes_through_the_last_point_that_was_found():
    at = np.array([1.0, 2.0, 4.0])
    x = np.geomspace(1, 4, FINE)
    shape = kl_curvature(np.concatenate([x, at]), 1.0, 1.0)
    curve = through(shape, at, {"base": at, "curvature_lr": np.array([0.1, 0.3, np.nan])})
    assert np.interp(2.0, x, curve) == pytest.approx(0.3, rel=1e-3)
    assert curve[-1] / curve[0] == pytest.approx(shape[FINE - 1] / shape[0])
    assert len(through(shape, at, {"base": at})) == 0


def test_a_separation_gives_the_area_back():
    random = np.random.default_rng(0)
    distance = np.sqrt(2 * separation(0.76))
    inside, outside = random.normal(distance, 1, 200_000), random.normal(0, 1, 200_000)
    assert (inside > outside).mean() == pytest.approx(0.76, abs=0.004)
    assert np.isnan(separation(0.5))
    assert np.isnan(separation(0.4))


def test_attacks_that_are_alike_share_a_line_and_the_loss_is_always_there():
    assert chosen_attacks(MODELS["points"]) == ["base", "lira", "curvature_lr", "loss"]
    text = page(MODELS)
    assert "base = rmia" in text
    assert "from 2 references on" in text
    assert "the last step still gains" in text


def test_no_study_has_no_section_and_a_damaged_one_is_told():
    assert build(None, {"lenses": {"membership": {"attacks": {}}}}) is None
    assert build(None, {"lenses": {}}) is None
    damaged = copy.deepcopy(PRIVATE)
    del damaged["points"][0]["privacy"]
    with pytest.raises(ImprintError, match="privacy"):
        page(damaged)
