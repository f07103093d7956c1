import dataclasses
import json

import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.findings import (
    CellFinding,
    CoverageFindings,
    ImportanceByMethod,
    ImportanceFindings,
    MethodImportance,
    NeuronCells,
    NeuronChoice,
    ScoredNeuron,
    read_findings,
)
from imprint.study.finding import to_json
from tests.lenses.coverage.made_findings import CELLS, FINDINGS


def test_findings_survive_json() -> None:
    choice = NeuronChoice(missing="votes need the network")
    findings = dataclasses.replace(FINDINGS, cells={"idc": CELLS, "wisdom": choice}, gaps=())
    value = json.loads(json.dumps(to_json(findings)))
    assert read_findings(value, "summary.json") == findings
    assert value["cells"]["wisdom"] == {"missing": "votes need the network"}
    assert "network" not in value


def test_the_kind_of_findings_is_known_by_its_key() -> None:
    leading = (ScoredNeuron("fc", 0, 0.5),)
    methods = {"lrp": MethodImportance(10, 0, leading, {"fc": 1.0})}
    findings = ImportanceFindings(ImportanceByMethod("none", methods))
    assert read_findings(to_json(findings), "summary.json") == findings
    assert isinstance(read_findings(to_json(FINDINGS), "summary.json"), CoverageFindings)


def test_a_text_in_place_of_a_value_is_refused() -> None:
    value = to_json(FINDINGS)
    value["criteria"]["idc"]["value"] = "high"
    with pytest.raises(ImprintError, match=r"summary\.json cannot be used"):
        read_findings(value, "summary.json")


def test_measured_and_missing_criteria_are_separate() -> None:
    assert set(FINDINGS.measured) == {"cc", "idc", "nlc"}
    assert FINDINGS.missing == {"ssc": "there is only one layer"}


def test_cells_hold_what_chose_their_neurons() -> None:
    counts = {field.name: getattr(CELLS, field.name) for field in dataclasses.fields(CellFinding)}
    choice = NeuronChoice(source="vote", batches=3)
    joined = NeuronCells.join(choice, CellFinding(**counts), CELLS.neurons, CELLS.rarefaction)
    assert (joined.source, joined.batches, joined.reached) == ("vote", 3, 4)
