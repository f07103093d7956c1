from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from imprint.audits.own_model import make_plan, run_own_audit
from imprint.audits.own_options import AnalysisChoice, PlanChoice
from imprint.lenses.leave_one_out.findings import FitFindings
from imprint.lenses.leave_one_out.influence_findings import InfluenceFindings
from imprint.lenses.leave_one_out.options import OwnLeaveOneOut
from imprint.lenses.leave_one_out.study.own_fit import family_of
from imprint.lenses.leave_one_out.study.own_model import (
    BY_INPUTS,
    FIT,
    choose_tests,
)
from imprint.nets.predictor.predictor import as_predictor
from imprint.observation.lens import Pace
from imprint.observation.observe import Observed
from imprint.report.section import SECTIONS
from imprint.report.terminal import TERMINAL, to_text
from imprint.study.finding import from_json
from imprint.study.store import Study
from imprint.study.tables import read_table
from tests.lenses.leave_one_out.study.own_models import MEMBERS, network, own_model

QUICK = ("gradient_dot", "gradient_cosine", "ekfac")


def audited(tmp_path, model, seconds=100000, **options):
    study = Study(tmp_path / "study")
    analysis = AnalysisChoice(leave_one_out=OwnLeaveOneOut(**options))
    choice = PlanChoice(lenses=("leave_one_out",), budget=f"{seconds}s", analysis=analysis)
    audit = make_plan(model, choice, Pace(1e-4, 1e-4))
    lens = run_own_audit(study, audit, 0)["leave_one_out"]
    return lens, tmp_path / "study", audit


def shown(lens, folder):
    """Return the text of the terminal and the HTML of both sections."""
    text = to_text(TERMINAL.get("leave_one_out")(lens), 200)
    summary = {"lenses": {"leave_one_out": lens}}
    sections = [SECTIONS.get(name)(folder, summary) for name in ("leave_one_out", "own_influence")]
    return text, [None if each is None else str(each.html) for each in sections]


@pytest.mark.parametrize("task", ["classification", "multi_label", "regression"])
def test_every_task_is_fitted_and_its_influence_estimated(tmp_path: Path, task):
    lens, folder, _ = audited(tmp_path, own_model(task), estimators=QUICK)
    findings = from_json(FitFindings, lens, "summary.json")
    assert findings.distinct == MEMBERS - 1
    assert findings.inputs is not None
    assert (findings.explained_variance is None) == (task != "regression")
    family = from_json(FitFindings, lens["infinite_width"], "summary.json")
    assert family.kernel["name"] == "fc"
    influence = from_json(InfluenceFindings, lens["influence"], "summary.json")
    assert tuple(influence.estimators) == QUICK
    assert (influence.copies, influence.leaked) == (2, 1)
    table = read_table(folder / "influence" / "members.parquet")
    assert table["ekfac"].shape == (MEMBERS,)
    assert np.load(folder / "influence" / "ekfac.npy").shape == (MEMBERS, influence.tests)
    text, (fit, own) = shown(lens, folder)
    assert "ekfac" in text
    assert "features of the model" in text
    assert fit is not None
    assert own is not None


def test_copies_are_named_once_with_the_sum_of_their_influence(tmp_path: Path):
    lens, folder, _ = audited(tmp_path, own_model(), estimators=("gradient_dot",), tests=4)
    table = np.load(folder / "influence" / "gradient_dot.npy")
    tests = read_table(folder / "influence" / "tests.parquet")
    found = lens["influence"]["estimators"]["gradient_dot"]
    named = {each["index"] for each in found["strongest"]}
    assert 1 not in named
    (first,) = [each for each in found["strongest"] if each["index"] == 0]
    assert first["copies"] == 1
    assert tests["index"].tolist() == [each["index"] for each in found["tests"]]
    for place, test in enumerate(found["tests"]):
        for each in test["helped"] + test["harmed"]:
            row = each["index"]
            wanted = table[row, place] + (table[1, place] if row == 0 else 0)
            assert each["influence"] == pytest.approx(wanted, rel=1e-6)


def test_tests_are_wrong_ones_first_and_then_by_loss() -> None:
    model = own_model()
    outputs = np.array([[4.0, 0, 0], [0, 1, 0], [9, 0, 0], [0, 0, 5]] * 3)
    observed = Observed(model.non_members, model, outputs, None, None)
    asked = choose_tests(observed, np.arange(3), 8)
    correct = outputs.argmax(1) == model.non_members.labels
    wrong = int((~correct).sum())
    assert asked.correct.tolist() == [False] * wrong + [True] * (8 - wrong)
    assert (np.diff(asked.loss[:wrong]) <= 0).all()


def test_what_does_not_fit_the_budget_is_left_out(tmp_path: Path):
    lens, folder, audit = audited(tmp_path, own_model(), seconds=0.0001)
    assert list(audit.parts_of(audit.lenses[0])) == [FIT]
    assert "influence" not in lens
    assert shown(lens, folder)[1][1] is None


def test_a_black_box_is_fitted_by_its_inputs(tmp_path: Path):
    model = own_model(model=lambda x: x[:, :3])
    lens, folder, audit = audited(tmp_path, model)
    assert list(audit.parts_of(audit.lenses[0])) == [BY_INPUTS]
    assert from_json(FitFindings, lens, "summary.json").inputs.startswith("inputs")
    assert shown(lens, folder)[1][1] is None


def test_checkpoints_give_tracin_and_foreign_ones_a_reason(tmp_path: Path):
    way = ((as_predictor(network(seed=1)), 0.1), (as_predictor(network(seed=2)), 0.2))
    lens, _, _ = audited(tmp_path / "own", own_model(checkpoints=way), estimators=("tracin",))
    facts = lens["influence"]["estimators"]["tracin"]["facts"]
    assert facts == {"checkpoints": 2}
    foreign = ((as_predictor(network(inputs=5, outputs=4)), 0.1),)
    model = own_model(checkpoints=foreign)
    lens, folder, _ = audited(tmp_path / "foreign", model, estimators=("tracin",))
    assert "other weights" in lens["influence"]["missing"]
    assert shown(lens, folder)[1][1] is None


def test_the_users_network_is_left_as_it_was(tmp_path: Path):
    module = network().requires_grad_(False)
    before = {name: each.clone() for name, each in module.state_dict().items()}
    way = ((as_predictor(network(seed=1)), 0.1),)
    audited(tmp_path, own_model(model=module, checkpoints=way), estimators=("tracin", "ekfac"))
    assert not any(each.requires_grad for each in module.parameters())
    for name, each in module.state_dict().items():
        assert torch.equal(each, before[name])


def test_the_family_of_a_network() -> None:
    vectors = own_model().members
    assert family_of(network(), vectors) == {"name": "fc", "activation": "relu", "depth": 1}
    images = own_model(
        model=nn.Sequential(nn.Flatten(), nn.Linear(16, 3)),
        inputs=np.zeros((36, 1, 4, 4), dtype=np.uint8),
    ).members
    convolutions = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Flatten(), nn.Linear(8, 3))
    assert family_of(convolutions, images) == {
        "name": "conv", "activation": "tanh", "depth": 1, "window": 3,
    }  # fmt: skip
    assert family_of(nn.Flatten(), images) is None
