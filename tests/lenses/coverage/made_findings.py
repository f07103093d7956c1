"""Findings of coverage, made up, for tests of page and terminal."""

from __future__ import annotations

from imprint.core.missing import Missing
from imprint.lenses.coverage.findings import (
    CoverageFindings,
    CriterionFinding,
    MissingCriterion,
    Neuron,
    NeuronCells,
    ObservedLayer,
    Rarefaction,
    RarefactionCurve,
)
from imprint.lenses.coverage.measure.rarefaction import CellEstimate

CELLS = NeuronCells(
    value=0.25,
    ceiling=0.5,
    reached=4,
    n=8,
    cells="16",
    log10_cells=1.2,
    training_cells=6,
    training_cells_reached=3,
    training_share=0.5,
    source="lrp",
    neurons=(Neuron("conv", 1), Neuron("fc", 0)),
    rarefaction=Rarefaction(
        tests=8,
        reached=4,
        estimated=CellEstimate(5.0, (4.1, 9.0), 8),
        next_is_new=0.125,
        share=0.9,
        more=7.0,
        curve=RarefactionCurve((1, 8, 16, 24), (1.0, 4.0, 4.7, 4.9)),
    ),
)
FINDINGS = CoverageFindings(
    layers=(ObservedLayer("conv", 4, "Conv2d"), ObservedLayer("fc", 2, "Linear")),
    neurons=6,
    train=20,
    test=8,
    correct_only="none",
    criteria={
        "cc": CriterionFinding(16913.0, 1e6, 0.016913, Missing("depends on the order"), 8, 1.0, {}),
        "idc": CriterionFinding(0.25, 0.5, 0.5, (0.2, 0.3), 8, 0.25, {}),
        "nlc": CriterionFinding(1.5, None, None, (1.2, 1.8), 8, 1.0, {}),
        "ssc": MissingCriterion("there is only one layer", {}),
    },
    cells={"idc": CELLS},
)
