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
huggingface_hub = pytest.importorskip("huggingface_hub")


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


def test_a_detector_without_numbers_is_refused(tmp_path: Path) -> None:
    model = tiny_yolos(transformers)
    with torch.no_grad():
        model.class_labels_classifier.layers[0].bias[0] = torch.nan
    with pytest.raises(ImprintError, match="logits or boxes that are infinite or not a number"):
        load_detector_folder(save_detector(tmp_path / "yolos", model), {})


def test_weights_of_another_model_are_refused_in_one_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = save_detector(tmp_path / "yolos", tiny_yolos(transformers))
    tiny_rt_detr(transformers).save_pretrained(tmp_path / "rt")
    (tmp_path / "rt" / "model.safetensors").replace(folder / "model.safetensors")
    capfd.readouterr()
    with pytest.raises(ImprintError, match=r"its weights do not fit its config\.json"):
        load_detector_folder(folder, {})
    assert capfd.readouterr().err == ""


def test_a_name_on_the_hub_is_no_folder() -> None:
    with pytest.raises(ImprintError, match=r"owner/name is no folder: .* are not fetched"):
        load_detector_folder(Path("owner/name"), {})


def test_a_backbone_on_the_hub_is_not_fetched(tmp_path: Path) -> None:
    """The libraries are imported long before here, when nothing kept them from the network."""
    folder = save_detector(tmp_path / "rt", tiny_rt_detr(transformers))
    config = json.loads((folder / "config.json").read_text())
    hub = {"backbone_config": None, "backbone": "owner/name", "use_pretrained_backbone": True}
    (folder / "config.json").write_text(json.dumps({**config, **hub}))
    before = huggingface_hub.constants.HF_HUB_OFFLINE
    huggingface_hub.constants.HF_HUB_OFFLINE = False
    try:
        with pytest.raises(ImprintError, match="offline mode is enabled"):
            load_detector_folder(folder, {})
        assert not huggingface_hub.constants.HF_HUB_OFFLINE
    finally:
        huggingface_hub.constants.HF_HUB_OFFLINE = before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_hidden_layers": 10**9}, r"num_hidden_layers 1000000000: 2,048 is the most"),
        ({"hidden_size": 16}, r"other shapes than its config\.json says"),
    ],
)
def test_configurations_beyond_their_weights_are_refused(
    tmp_path: Path, changes: dict[str, int], message: str
) -> None:
    folder = save_detector(tmp_path / "yolos", tiny_yolos(transformers))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))
    with pytest.raises(ImprintError, match=message):
        load_detector_folder(folder, {})
