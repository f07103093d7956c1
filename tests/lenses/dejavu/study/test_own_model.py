"""Déjà vu of the user's own model: crops are new inputs, public images are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imprint.audits.own_model import Audit, make_plan, run_own_audit
from imprint.audits.own_options import AnalysisChoice, PlanChoice
from imprint.core.errors import ImprintError
from imprint.data.records.records import ArrayRows, Records
from imprint.lenses.dejavu.findings import OneModelFindings
from imprint.lenses.dejavu.options import OwnDejavuChoice
from imprint.lenses.dejavu.study.own_model import choose_own_roles
from imprint.nets.predictor.predictor import as_predictor
from imprint.observation.audited_model import AuditedModel
from imprint.observation.lens import Pace
from imprint.report.terminal import TERMINAL
from imprint.study.finding import from_json
from imprint.study.plain import JsonObject
from imprint.study.store import Study

SIDE = 12


class Counting(nn.Module):
    """A small classifier that counts the images it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 6, 3)
        self.norm = nn.BatchNorm2d(6)
        self.head = nn.Linear(6, 3)
        self.shown = 0

    def forward(self, images: Tensor) -> Tensor:
        """Return logits ``[b, 3]``."""
        self.shown += len(images)
        features = self.norm(self.convolution(images)).relu().mean((2, 3))
        logits: Tensor = self.head(features)
        return logits


def pictures(count: int, dtype: str = "uint8", seed: int = 0) -> Records:
    """Return random pictures of three classes."""
    random = np.random.default_rng(seed)
    pixels: NDArray[np.generic] = random.integers(0, 256, (count, 1, SIDE, SIDE), dtype=np.uint8)
    if dtype == "float32":
        pixels = (pixels / 255).astype(np.float32)
    return Records(ArrayRows(pixels), np.arange(count) % 3, classes=("a", "b", "c"))


def audited(dtype: str = "uint8") -> AuditedModel:
    """Return a network with 60 members and 80 non-members."""
    torch.manual_seed(0)
    members, non_members = pictures(60, dtype), pictures(80, dtype, seed=1)
    return AuditedModel(as_predictor(Counting()), members, non_members, non_members)


def findings_of(
    model: AuditedModel, folder: Path, options: OwnDejavuChoice | None = None, budget: str = "10m"
) -> JsonObject:
    """Return the findings of an audit of déjà vu alone."""
    plan = planned(model, options, budget)
    findings: JsonObject = run_own_audit(Study(folder / "study"), plan, 0)["dejavu"]
    return findings


def planned(
    model: AuditedModel, options: OwnDejavuChoice | None = None, budget: str = "10m"
) -> Audit:
    """Return the plan of an audit of déjà vu alone."""
    analysis = AnalysisChoice(dejavu=options or OwnDejavuChoice())
    choice = PlanChoice(lenses=("dejavu",), budget=budget, analysis=analysis)
    return make_plan(model, choice, Pace(1e-4, 3e-4))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_test_runs_on_images_with_controls(tmp_path: Path, dtype: str) -> None:
    found = findings_of(audited(dtype), tmp_path)
    findings = from_json(OneModelFindings, found["one_model"], "findings")
    assert set(findings.against) == {"naive_bayes", "linear_head", "combined", "strictest"}
    assert set(findings.controls or {}) == {"permuted", "untrained"}
    facts = found["facts"]
    assert (facts["attacked_members"], facts["attacked_non_members"]) == (60, 20)
    assert (facts["public"], facts["crop_rule"]) == (60, "corner")
    assert TERMINAL.get("dejavu")(found)


def test_pixels_and_their_floats_give_the_same_findings(tmp_path: Path) -> None:
    options = OwnDejavuChoice(controls=False, k=5)
    both = [
        findings_of(audited(dtype), tmp_path / dtype, options)["one_model"]["against"]
        for dtype in ("uint8", "float32")
    ]
    # Crops of floats are not rounded to whole numbers before the network sees them.
    scores = [each["linear_head"]["test"]["100"]["score"]["value"] for each in both]
    assert scores[0] == pytest.approx(scores[1], abs=0.1)


def test_network_sees_each_record_once_and_each_crop_once(tmp_path: Path) -> None:
    model = audited()
    plan = planned(model, OwnDejavuChoice(controls=False))
    network = model.network
    assert network is not None
    module = network.module
    assert isinstance(module, Counting)
    module.shown = 0
    run_own_audit(Study(tmp_path / "study"), plan, 0)
    records, crops = 60 + 80, 60 + 20
    assert module.shown == records + crops


def test_control_is_left_out_of_a_small_budget(tmp_path: Path) -> None:
    found = findings_of(audited(), tmp_path, budget="0.000000001s")
    assert set(found["one_model"]["controls"]) == {"permuted"}


def test_public_and_attacked_non_members_are_disjoint() -> None:
    roles = choose_own_roles(audited(), OwnDejavuChoice(attacked=10), 0)
    attacked = roles.pool.index[~roles.pool.members]
    assert len(attacked) == 10
    assert len(roles.public) == 70
    assert set(attacked) | set(roles.public) == set(range(60, 140))


def test_crop_is_the_lower_left_corner() -> None:
    roles = choose_own_roles(audited(), OwnDejavuChoice(corner_fraction=0.5), 0)
    assert roles.pool.squares[0].tolist() == [0, 6, 6, 12]


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        (np.zeros((9, 5), np.float32), "needs images"),
        (np.zeros((9, 5, 8), np.float32), "needs images"),
        (np.zeros((9, 7), np.int64), "needs images"),
        (np.zeros((9, 3, 12, 14), np.float32), "needs square images, and these are 14 × 12"),
    ],
)
def test_other_records_are_refused(inputs: NDArray[np.generic], reason: str) -> None:
    records = Records(ArrayRows(inputs), np.arange(9) % 3, classes=("a", "b", "c"))
    model = AuditedModel(as_predictor(nn.Linear(5, 3)), records, records, records)
    with pytest.raises(ImprintError, match=reason):
        planned(model)
