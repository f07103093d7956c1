"""Coverage of the user's own model, from the pass that all lenses share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from imprint.audits.own_model import Audit, make_plan, run_own_audit
from imprint.audits.own_options import AnalysisChoice, PlanChoice
from imprint.core.errors import ImprintError
from imprint.data.records.open_records import as_records
from imprint.data.records.records import ArrayRows, Records
from imprint.data.records.vocabulary import Vocabulary, write_vocabulary
from imprint.lenses.coverage.findings import CoverageFindings
from imprint.lenses.coverage.options import OwnCoverageChoice
from imprint.nets.predictor.predictor import ModelSettings, as_predictor
from imprint.nets.text.text_card import TextCard, build_text_network, save_text_network
from imprint.observation.audited_model import AuditedModel
from imprint.observation.lens import Pace
from imprint.report.terminal import TERMINAL
from imprint.study.finding import from_json
from imprint.study.store import Study


class Tokens(nn.Module):
    """A classifier of token ids with every kind of layer over tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.recurrent = nn.GRU(8, 6, batch_first=True)
        self.head = nn.Linear(6, 3)

    def forward(self, ids: Tensor) -> Tensor:
        """Return logits ``[b, 3]``."""
        tokens = self.embedding(ids)
        attended, _ = self.attention(tokens, tokens, tokens)
        states, _ = self.recurrent(attended)
        logits: Tensor = self.head(states[:, -1])
        return logits


def table_model(tests: int = 0) -> AuditedModel:
    """Return an MLP with 60 members, 40 non-members and maybe tests of five numbers."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    members, non_members = table("members", 60), table("others", 40)
    tested = table("tests", tests) if tests else non_members
    return AuditedModel(as_predictor(network), members, non_members, tested)


def table(name: str, count: int) -> Records:
    """Return random records that are called by their names."""
    random = np.random.default_rng(len(name))
    inputs = random.normal(size=(count, 5)).astype(np.float32)
    names = [f"{name} {row}" for row in range(count)]
    return Records(
        ArrayRows(inputs), random.integers(0, 3, count), classes=("a", "b", "c"), names=names
    )


def token_model() -> AuditedModel:
    """Return a classifier of token ids that is always right, with its records."""
    torch.manual_seed(0)
    random, network = np.random.default_rng(0), Tokens().eval()

    def records(count: int) -> Records:
        ids = random.integers(0, 20, (count, 7))
        with torch.no_grad():
            labels = network(torch.from_numpy(ids)).argmax(1).numpy()
        return Records(ArrayRows(ids), labels, classes=("a", "b", "c"))

    members, non_members = records(50), records(40)
    return AuditedModel(as_predictor(network), members, non_members, non_members)


def measured(
    model: AuditedModel, folder: Path, options: OwnCoverageChoice | None = None
) -> CoverageFindings:
    """Return the findings of an audit of coverage alone."""
    findings = run_own_audit(Study(folder / "study"), planned(model, options), 0)
    return from_json(CoverageFindings, findings["coverage"], "findings")


def planned(
    model: AuditedModel, options: OwnCoverageChoice | None = None, budget: str = "10m"
) -> Audit:
    """Return the plan of an audit of coverage alone."""
    analysis = AnalysisChoice(coverage=options or OwnCoverageChoice())
    choice = PlanChoice(lenses=("coverage",), budget=budget, analysis=analysis)
    return make_plan(model, choice, Pace(1e-4, 3e-4))


def test_every_criterion_is_measured_on_rows_of_a_table(tmp_path: Path) -> None:
    findings = measured(table_model(), tmp_path)
    assert (findings.train, findings.test, findings.neurons) == (60, 40, 11)
    assert set(findings.measured) >= {"idc", "kmnc", "nbc", "nc", "nlc", "snac", "tknc"}


def test_tests_of_the_user_take_the_place_of_non_members(tmp_path: Path) -> None:
    assert measured(table_model(tests=25), tmp_path).test == 25


def test_neuron_coverage_is_that_of_the_networks_outputs(tmp_path: Path) -> None:
    model = table_model()
    options = OwnCoverageChoice(criteria=("snac",))
    value = measured(model, tmp_path, options).measured["snac"].value
    network: Any = model.network
    layers: list[Any] = []
    for records in (model.members, model.non_members):
        hidden = network.module[0](torch.from_numpy(records.inputs.read(np.arange(len(records)))))
        outputs = network.module[2](hidden.relu())
        layers.append(torch.cat([hidden, outputs], dim=1))
    assert value == pytest.approx(float((layers[1].amax(0) > layers[0].amax(0)).float().mean()))


def test_examples_of_gaps_have_the_names_of_the_members(tmp_path: Path) -> None:
    findings = measured(table_model(), tmp_path)
    assert findings.gaps
    examples = [example for gap in findings.gaps for example in gap.examples]
    assert all(example.name == f"members {example.index}" for example in examples)


def test_attention_and_recurrent_layers_over_token_ids_are_observed(tmp_path: Path) -> None:
    findings = measured(token_model(), tmp_path)
    assert {layer.kind for layer in findings.layers} == {"MultiheadAttention", "GRU", "Linear"}
    assert "kmnc" in findings.measured


def test_neurons_are_ranked_by_attribution_and_votes(tmp_path: Path) -> None:
    cells = measured(table_model(), tmp_path).cells
    assert {name: each.source for name, each in cells.items()} == {
        "idc": "lrp",
        "paths": "lrp",
        "wisdom": "vote",
    }


def test_attentions_linear_layers_are_ranked_over_token_ids(tmp_path: Path) -> None:
    options = OwnCoverageChoice(criteria=("idc", "wisdom"), layers=("attention", "head"))
    cells = measured(token_model(), tmp_path, options).cells
    assert "linear and convolutional layers" in str(cells["idc"].source)
    assert "without ldl, lgs, as inputs of whole numbers" in str(cells["wisdom"].source)


def test_small_budget_leaves_attribution_out_and_says_so(tmp_path: Path) -> None:
    plan = planned(table_model(), budget="0.000000001s")
    findings = run_own_audit(Study(tmp_path / "study"), plan, 0)["coverage"]
    assert findings["cells"]["idc"]["source"].endswith("left out of the budget")
    assert findings["criteria"]["wisdom"]["missing"] == "left out of the budget"


def test_regression_has_criteria_without_attribution(tmp_path: Path) -> None:
    def values(name: str, count: int) -> Records:
        targets = np.arange(count, dtype=np.float64)
        return Records(table(name, count).inputs, targets, "regression")

    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 1))
    members, others = values("members", 40), values("others", 30)
    predictor = as_predictor(network, ModelSettings(kind="values"))
    findings = measured(AuditedModel(predictor, members, others, others), tmp_path)
    assert "kmnc" in findings.measured
    assert "no class each" in findings.missing["wisdom"]


def test_black_box_is_refused_in_a_sentence() -> None:
    members = table("members", 8)
    model = AuditedModel(as_predictor(lambda inputs: inputs[:, :3]), members, members, members)
    with pytest.raises(ImprintError, match="observed in a PyTorch network alone"):
        planned(model)


def test_terminal_names_members_in_gaps(tmp_path: Path) -> None:
    plan = planned(table_model())
    findings = run_own_audit(Study(tmp_path / "study"), plan, 0)
    printed = [str(each) for each in TERMINAL.get("coverage")(findings["coverage"])]
    assert any("members " in each for each in printed)


def test_saved_text_networks_are_measured_on_a_folder_of_texts(tmp_path: Path) -> None:
    root, random = tmp_path / "reviews", np.random.default_rng(0)
    words = ("bad", "dull", "fine", "good", "film")
    for part, count in (("train", 20), ("test", 12)):
        for number, kind in enumerate(("neg", "pos")):
            (root / part / kind).mkdir(parents=True)
            for row in range(count):
                chosen = random.choice(words[2 * number :][:3], 5)
                (root / part / kind / f"{row}_1.txt").write_text(" ".join(chosen))
    write_vocabulary(root / "vocabulary.json", Vocabulary(words, 6))
    card = TextCard("transformer_classifier", 7, 2, 6, {"width": 8, "depth": 1, "heads": 2})
    save_text_network(tmp_path / "net.safetensors", build_text_network(card), card)
    members, tests = as_records(root), as_records(root / "test")
    model = AuditedModel(as_predictor(tmp_path / "net.safetensors"), members, tests, tests)
    options = OwnCoverageChoice(criteria=("kmnc", "idc"), tokens="heads")
    findings = measured(model, tmp_path, options)
    widths = {layer.name: layer.neurons for layer in findings.layers}
    assert widths["blocks.0.attention.heads"] == 2
    assert widths["blocks.0.widen"] == 32
    assert "kmnc" in findings.measured
