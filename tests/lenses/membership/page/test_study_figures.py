import copy

from imprint.lenses.membership.page.study_figures import study_figures
from imprint.lenses.membership.study_findings import read_study
from tests.lenses.membership.page.test_study import PRIVATE, shown


def test_a_shape_is_left_out_where_curvature_found_nothing():
    study = copy.deepcopy(PRIVATE)
    for one in study["points"]:
        one["attacks"]["curvature_lr"]["auc"] = shown(0.5)
    kl = study_figures(read_study(study))[-1]
    assert "shape of the curvature bound" not in kl.svg()
    assert "constants" not in kl.caption
