from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from imprint.data.imageset import ArrayImages
from imprint.lenses.coverage.options import CoverageStep
from imprint.lenses.coverage.study.audit import audit_step
from imprint.nets.fill import build_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.report.page import write_report
from imprint.study.store import Study


def test_the_step_of_an_audit_measures_a_network_of_the_study(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (150, 3, 16, 16), dtype=np.uint8)
    images = ArrayImages(pixels, np.arange(150) % 3, ("a", "b", "c"))
    torch.manual_seed(0)
    study, device = Study(tmp_path), torch.device("cpu")
    sets = {"train": np.arange(100), "test": np.arange(100, 150)}
    for name, outputs in (("A", None), ("0000", 3)):
        card = ModelCard("lenet", 3, outputs, 16, (0.5,), (0.25,))
        (tmp_path / "models" / name).mkdir(parents=True)
        save_model(tmp_path / "models" / name / "final.safetensors", build_model(card), card)
    file = "models/0000/final.safetensors"
    choice = CoverageStep(records=40)
    found = audit_step(study, images, file, sets, choice, 0, device)["coverage"]
    assert (found["train"], found["test"], found["network"]) == (100, 40, file)
    assert "value" in found["criteria"]["wisdom"]
    assert audit_step(study, images, file, sets, choice, 0, device)["coverage"] == found
    assert audit_step(study, images, file, sets, CoverageStep(skip=True), 0, device) == {}
    other = Study(tmp_path / "other")
    (tmp_path / "other").mkdir()
    (tmp_path / "models").rename(tmp_path / "other" / "models")
    file = "models/A/final.safetensors"
    found = audit_step(other, images, file, sets, choice, 0, device)["coverage"]
    assert "no classifier" in found["cells"]["wisdom"]["missing"]
    assert "value" in found["criteria"]["idc"]
    summary = {
        "schema": 2,
        "imprint": "0",
        "data": {"name": "x"},
        "settings": {},
        "lenses": {"coverage": found},
    }
    (tmp_path / "other" / "summary.json").write_text(json.dumps(summary))
    assert "Ranges that no test reaches" in write_report(tmp_path / "other").read_text()
