import numpy as np

from imprint.lenses.membership.study.model_signals import (
    ModelSignals,
    make_evidence,
    unmeasured_kinds,
)
from imprint.lenses.membership.study.options import EvidenceChoice

CHOICE = EvidenceChoice(curvature_probes=1, augmentations=("identity", "flip"))


def test_kinds_that_were_not_chosen_are_unmeasured():
    assert unmeasured_kinds(CHOICE) == {
        "distance", "trace", "input_gradient", "parameter_gradient",
    }  # fmt: skip
    assert unmeasured_kinds(EvidenceChoice(curvature=False, white_box=True)) == {
        "distance",
        "log_curvature",
    }


def test_shadow_models_become_references_on_kinds_that_the_target_has():
    random = np.random.default_rng(0)

    def signals():
        values = {kind: random.normal(size=(1, 5)) for kind in ("phi", "mentr")}
        return ModelSignals(values, {"phi": random.normal(size=(1, 3))}, np.ones(5, bool), None)

    target, shadows = signals(), [signals(), signals()]
    masks = random.random((2, 5)) < 0.5
    cohort = make_evidence(target, shadows, masks).references.cohort
    assert set(cohort.signals) == {"phi"}
    assert cohort.population["phi"].shape == (2, 1, 3)
    assert make_evidence(target, [], None).references is None
