from pathlib import Path

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criteria.nc import NeuronCoverageOptions
from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.lenses.coverage.options import CriteriaChoice
from imprint.lenses.coverage.study.criteria import (
    Fitting,
    MeasureCoverage,
    choose_criteria,
    settings_of,
)
from imprint.neurons.activations import ActivationTable, Layers
from imprint.study.store import Study

LAYERS = Layers(("fc",), (3,))


def test_all_stands_for_every_criterion() -> None:
    assert choose_criteria(("nc", "all")) == CRITERIA.names()
    assert choose_criteria(("nc", "kmnc", "nc")) == ["kmnc", "nc"]
    with pytest.raises(ImprintError, match="--criteria is empty"):
        choose_criteria(())


def test_settings_of_criteria_that_are_not_measured_are_refused() -> None:
    choice = CriteriaChoice(criteria=("nc",), param=((("nc.threshold", "0.5"),),))
    assert settings_of(choice) == {"nc": NeuronCoverageOptions(0.5)}
    with pytest.raises(ImprintError, match="--param sets 'kmnc', which is not chosen"):
        settings_of(CriteriaChoice(criteria=("nc",), param=((("kmnc.k", "5"),),)))


def test_other_settings_of_a_criterion_are_refused_by_their_name(tmp_path: Path) -> None:
    test = ActivationTable(LAYERS, np.eye(3, dtype=np.float32))

    def step(threshold: float) -> MeasureCoverage:
        settings = {"nc": NeuronCoverageOptions(threshold)}
        fitting = Fitting(None, test.layers, settings)
        return MeasureCoverage(settings, {}, {"arrays": "0"}, "none", 0, False, fitting, test)

    findings = step(0.5).findings(Study(tmp_path))
    assert findings.measured["nc"].value == 1
    with pytest.raises(ImprintError, match=r"nc\.threshold: 0\.5 there, 0\.25 now"):
        step(0.25).findings(Study(tmp_path))
