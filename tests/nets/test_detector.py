"""Detectors in folders of transformers: scores, boxes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.nets.detector import load_detector_folder
from tests.lenses.coverage.detection.tiny_detectors import (
    SIDE,
    save_detector,
    tiny_rt_detr,
    tiny_yolos,
)

transformers = pytest.importorskip("transformers")


def test_competing_classes_take_a_softmax_without_no_object(tmp_path: Path) -> None:
    model = tiny_yolos(transformers).eval()
    detector = load_detector_folder(save_detector(tmp_path / "yolos", model), {})
    images = torch.rand(2, 3, SIDE, SIDE)
    with torch.no_grad():
        found = detector(images)
        own = model(pixel_values=(images - 0.5) / 0.25)
    assert detector.classes == ("square", "disc")
    assert torch.allclose(found.scores, own.logits.softmax(-1)[..., :2], atol=1e-6)
    centre, side = own.pred_boxes[..., :2], own.pred_boxes[..., 2:]
    assert torch.allclose(found.boxes[..., 2:] - found.boxes[..., :2], side, atol=1e-6)
    assert torch.allclose(found.boxes[..., 2:] + found.boxes[..., :2], 2 * centre, atol=1e-6)


def test_classes_apart_take_a_sigmoid_each(tmp_path: Path) -> None:
    detector = load_detector_folder(save_detector(tmp_path / "rt", tiny_rt_detr(transformers)), {})
    with torch.no_grad():
        found = detector(torch.rand(1, 3, SIDE, SIDE))
    assert found.logits.shape == (1, 6, 2)
    assert torch.allclose(found.scores, found.logits.sigmoid())


def test_normalisation_and_size_may_be_stated_and_count(tmp_path: Path) -> None:
    folder = save_detector(tmp_path / "yolos", tiny_yolos(transformers))
    one = load_detector_folder(folder, {})
    other = load_detector_folder(folder, {"mean": (0.4,), "input_size": 2 * SIDE})
    assert other.input_size == 2 * SIDE
    assert one.fingerprint() != other.fingerprint()
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(ImprintError, match="does not say mean and std of its images"):
        load_detector_folder(folder, {})


def test_other_names_and_other_models_are_refused(tmp_path: Path) -> None:
    folder = save_detector(tmp_path / "yolos", tiny_yolos(transformers))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "bert"}))
    with pytest.raises(ImprintError, match="transformers cannot load"):
        load_detector_folder(folder, {})
    with pytest.raises(ImprintError, match=r"folder without config\.json"):
        load_detector_folder(tmp_path, {})
