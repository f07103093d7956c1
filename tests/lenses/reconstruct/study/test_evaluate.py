from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.commands import EvaluateReconstructions
from imprint.lenses.reconstruct.findings import ReconstructFindings
from imprint.lenses.reconstruct.study.sample_file import SAMPLES, write_samples
from imprint.nets.checkpoint import write_weights
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.report.gallery import Cards
from imprint.study.finding import from_json, read_finding
from imprint.study.json_io import write_json
from imprint.study.store import card_path
from imprint.study.tables import read_table

COLOURS = np.eye(3, dtype=np.uint8) * 255
"""One a class: red, green, blue. The classifier returns the mean of each channel."""


def solid(labels: np.ndarray[Any, Any], side: int = 8) -> np.ndarray[Any, Any]:
    """Return pictures of the colour of each class, uint8 ``[…, 3, side, side]``."""
    return np.broadcast_to(COLOURS[labels][..., None, None], (*labels.shape, 3, side, side)).copy()


def save_set(folder: Path, samples: np.ndarray[Any, Any], index: np.ndarray[Any, Any]) -> Path:
    (folder / "samples").mkdir(parents=True, exist_ok=True)
    write_samples(folder / "samples" / SAMPLES, samples, index.astype(np.int64))
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 60 images in three colours, their samples and a perfect classifier."""
    root = tmp_path_factory.mktemp("colours")
    labels = np.arange(60) % 3
    np.savez(
        root / "images.npz", images=solid(labels), labels=labels, classes=["red", "green", "blue"]
    )
    for name, index, shift in (
        ("target", np.arange(30), 0),
        ("reference", np.arange(30), 1),
        ("new-target", np.arange(30, 60), 1),
        ("new-reference", np.arange(30, 60), 1),
    ):
        drawn = (labels[index, None] + np.array([shift, 1])) % 3  # the second sample is wrong
        save_set(root / name, solid(drawn), index)
    for name, outputs in (("classifier", 3), ("four", 4)):
        card = ModelCard("mlp", 3, outputs, 4, (0.0,), (1.0,), {"widths": "3"})
        model = initial_model(card, 0)
        with torch.no_grad():
            weights = [each for each in model.parameters() if each.ndim == 2]
            for each in model.parameters():
                each.zero_()
            weights[0].copy_(torch.eye(3).repeat_interleave(16, dim=1) / 16)
            weights[1][:3].copy_(torch.eye(3) * 5)
        save_model(root / f"{name}.safetensors", model, card)
    features = ModelCard("mlp", 3, None, 4, (0.0,), (1.0,), {"widths": "5"})
    save_model(root / "encoder.safetensors", initial_model(features, 0), features)
    return root


def evaluate(place: Path, out: Path, **changes: Any) -> dict[str, Any]:
    options: dict[str, Any] = {
        "samples": place / "target",
        "reference": place / "reference",
        "leak": (str(place / "new-target"), str(place / "new-reference")),
        "data": str(place / "images.npz"),
        "classifier": place / "classifier.safetensors",
        "out": out,
        "json": True,
        "device": "cpu",
    }
    return dict(EvaluateReconstructions(**(options | changes)).run())


def test_half_of_the_samples_of_the_target_and_none_of_the_reference(
    place: Path, tmp_path: Path
) -> None:
    summary = evaluate(place, tmp_path / "out")
    findings = from_json(ReconstructFindings, summary["lenses"]["reconstruct"], "summary.json")
    originals = findings.originals
    assert originals.classifier_accuracy.value == 1
    assert originals.target.class_share.value == 0.5
    assert originals.reference is not None
    assert originals.reference.class_share.value == 0
    assert originals.class_share is not None
    assert originals.class_share.estimate.value == 0.5
    assert findings.leak is not None
    assert findings.leak.class_share is not None
    assert findings.leak.class_share.estimate.value == 0
    assert findings.claim is not None
    assert findings.claim.verdict == "recalled"
    assert (findings.classifier, findings.features) == ("classifier", "classifier")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "+50.0 points [" in page
    assert "on features of classifier" in page
    assert str(place) not in page


def test_tables_hold_every_sample(place: Path, tmp_path: Path) -> None:
    evaluate(place, tmp_path / "out")
    table = read_table(tmp_path / "out" / "tables" / "reconstruct" / "target.parquet")
    assert list(table) == [
        *("index", "label", "sample", "predicted_class", "probability", "label_probability"),
        "similarity",
    ]
    assert table["index"].tolist() == np.repeat(np.arange(30), 2).tolist()
    assert table["sample"].tolist() == [0, 1] * 30
    right = table["predicted_class"] == table["label"]
    assert right.tolist() == [True, False] * 30
    np.testing.assert_allclose(table["similarity"], right, atol=1e-6)
    top = np.exp(5) / (np.exp(5) + 2)
    np.testing.assert_allclose(table["probability"], top, rtol=1e-5)
    np.testing.assert_allclose(table["label_probability"][~right], (1 - top) / 2, rtol=1e-5)
    leak = read_table(tmp_path / "out" / "tables" / "reconstruct" / "leak_reference.parquet")
    assert leak["index"].min() == 30


def test_cards_ring_samples_of_the_right_class(place: Path, tmp_path: Path) -> None:
    evaluate(place, tmp_path / "out")
    cards = read_finding(Cards, tmp_path / "out" / "gallery" / "reconstruct" / "gallery.json").cards
    assert len(cards) == 30
    target, reference = cards[0].answers
    assert [picture.ring for picture in target.pictures] == [True, False]
    assert [picture.ring for picture in reference.pictures] == [False, False]
    assert target.detail == "1 of 2 right"
    assert cards[0].numbers["target minus reference"] == 0.5


def test_target_alone_with_other_features_and_real_images(place: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "real.npy", np.arange(30, 60))
    summary = evaluate(
        place,
        tmp_path / "out",
        reference=None,
        leak=(),
        features=place / "encoder.safetensors",
        real=tmp_path / "real.npy",
    )
    findings = from_json(ReconstructFindings, summary["lenses"]["reconstruct"], "summary.json")
    assert findings.features == "encoder"
    assert not findings.real_are_originals
    assert list(findings.quality) == ["target"]
    assert "Without a reference nothing can be said" in (tmp_path / "out/report.html").read_text()


def test_failed_leak_test_is_the_heading(place: Path, tmp_path: Path) -> None:
    labels = np.arange(30, 60) % 3
    leaking = save_set(tmp_path / "leaking", solid(labels[:, None]), np.arange(30, 60))
    evaluate(place, tmp_path / "out", leak=(str(leaking), str(place / "new-reference")))
    page = (tmp_path / "out" / "report.html").read_text()
    assert "No claim, since the leak test failed" in page
    assert "<b>The leak test failed.</b>" in page


def write_tensors(folder: Path, **tensors: torch.Tensor) -> Path:
    (folder / "samples").mkdir(parents=True)
    write_weights(folder / "samples" / SAMPLES, tensors)
    return folder


PIXELS, INDEX = torch.zeros((4, 2, 3, 8, 8), dtype=torch.uint8), torch.arange(4)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"samples": PIXELS}, "must hold samples, uint8"),
        ({"samples": PIXELS.float(), "index": INDEX}, "must hold samples, uint8"),
        ({"samples": PIXELS[:, 0].contiguous(), "index": INDEX}, "must hold samples, uint8"),
        ({"samples": PIXELS, "index": INDEX.float()}, "must hold samples, uint8"),
        ({"samples": PIXELS, "index": INDEX[:3].clone()}, "must hold samples, uint8"),
        ({"samples": PIXELS[:, :0].contiguous(), "index": INDEX}, "must hold samples, uint8"),
        ({"samples": PIXELS[:0].clone(), "index": INDEX[:0].clone()}, "must hold samples, uint8"),
        ({"samples": PIXELS[..., :4].contiguous(), "index": INDEX}, "give square ones"),
        ({"samples": PIXELS[:, :, :1].contiguous(), "index": INDEX}, "1 channel"),
        ({"samples": PIXELS, "index": INDEX + 57}, "names image 60, but the indices"),
        ({"samples": PIXELS, "index": INDEX - 1}, "names image -1"),
        ({"samples": PIXELS, "index": INDEX // 2}, "names an image twice"),
        ({"samples": PIXELS[:1].clone(), "index": INDEX[:1].clone()}, "two or more"),
        ({"samples": PIXELS, "index": INDEX}, "samples of other images"),
    ],
)
def test_samples_that_do_not_fit_are_refused(
    place: Path, tmp_path: Path, tensors: dict[str, torch.Tensor], message: str
) -> None:
    folder = write_tensors(tmp_path / "bad", **tensors)
    with pytest.raises(ImprintError, match=message):
        evaluate(place, tmp_path / "out", reference=folder)
    assert not (tmp_path / "out" / "tables").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samples": "images.npz"}, "holds no samples"),
        ({"classifier": "four.safetensors"}, "has 4 outputs and the images have 3 classes"),
        ({"classifier": "encoder.safetensors"}, "no classifier, so it has no logits"),
        ({"classifier": "missing.safetensors"}, "missing.safetensors"),
    ],
)
def test_networks_and_folders_that_do_not_fit_are_refused(
    place: Path, tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    with pytest.raises(ImprintError, match=message):
        evaluate(place, tmp_path / "out", **{name: place / file for name, file in changes.items()})
    assert not (tmp_path / "out" / "tables" / "reconstruct").exists()


def test_leak_test_of_the_originals_is_refused(place: Path, tmp_path: Path) -> None:
    with pytest.raises(ImprintError, match="both hold samples of image 0"):
        evaluate(place, tmp_path / "out", leak=(str(place / "target"), str(place / "reference")))


@pytest.mark.parametrize("leak", [("a",), ("a", "a"), ("a", "b", "c")])
def test_leak_names_two_folders(place: Path, tmp_path: Path, leak: tuple[str, ...]) -> None:
    with pytest.raises(ImprintError, match="must name two folders"):
        evaluate(place, tmp_path / "out", leak=leak)


def test_leak_test_needs_a_reference(place: Path, tmp_path: Path) -> None:
    with pytest.raises(ImprintError, match="needs --reference"):
        evaluate(place, tmp_path / "out", reference=None)


def write_encoder(folder: Path, encoder: str) -> None:
    write_json(card_path(folder / "samples"), {"settings": {"run": {"card": {"encoder": encoder}}}})


def test_encoder_is_no_independent_classifier(place: Path, tmp_path: Path) -> None:
    from imprint.nets.load import load_model

    folder = save_set(tmp_path / "own", solid(np.arange(30)[:, None] % 3), np.arange(30))
    write_encoder(folder, load_model(place / "classifier.safetensors").fingerprint())
    with pytest.raises(ImprintError, match="is the encoder that"):
        evaluate(place, tmp_path / "out", samples=folder)


def test_leak_test_of_other_encoders_is_refused(place: Path, tmp_path: Path) -> None:
    index = np.arange(30, 60)
    originals = save_set(tmp_path / "own", solid(np.arange(30)[:, None] % 3), np.arange(30))
    new = save_set(tmp_path / "new", solid(index[:, None] % 3), index)
    write_encoder(originals, "a")
    write_encoder(new, "b")
    leak = (str(new), str(place / "new-reference"))
    with pytest.raises(ImprintError, match="sampled for another encoder"):
        evaluate(place, tmp_path / "out", samples=originals, leak=leak)


@pytest.mark.parametrize("content", ["[]", "{", '{"settings": {"run": 3}}', ""])
def test_damaged_card_of_samples_says_nothing(place: Path, tmp_path: Path, content: str) -> None:
    folder = save_set(tmp_path / "own", solid(np.arange(30)[:, None] % 3), np.arange(30))
    card_path(folder / "samples").write_text(content)
    summary = evaluate(place, tmp_path / "out", samples=folder)
    assert json.dumps(summary["lenses"]["reconstruct"])
