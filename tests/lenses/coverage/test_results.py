from __future__ import annotations

import numpy as np
import pytest
import torch

import imprint
from imprint import coverage
from imprint.data.imageset import ArrayImages
from imprint.nets.fill import build_model
from imprint.nets.image_model import ImageModel
from imprint.nets.model_card import ModelCard


def values(inputs: int, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {"conv": random.normal(size=(inputs, 5)), "fc": random.normal(size=(inputs, 3))}


@pytest.fixture(scope="module")
def model() -> ImageModel:
    torch.manual_seed(0)
    return build_model(ModelCard("lenet", 3, 3, 16, (0.5,), (0.25,)))


@pytest.fixture(scope="module")
def images() -> ArrayImages:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (60, 3, 16, 16), dtype=np.uint8)
    return ArrayImages(pixels, np.arange(60) % 3, ("a", "b", "c"))


def test_measured_coverage_prints_plots_and_becomes_records() -> None:
    labels = np.arange(90) % 2
    measured = coverage.measure(
        values(40, 1),
        values(90),
        test_labels=labels[:40],
        train_labels=labels,
        options={"kmnc": {"k": 7}, "idc": {"m": 4}},
    )
    assert measured["kmnc"].options["k"] == 7
    assert "give a table of votes" in measured["wisdom"].missing
    assert "KMNC" in str(measured)
    assert "WISDOM is missing: wisdom observes the neurons" in " ".join(str(measured).split())
    assert "<table" in measured._repr_html_()
    records = {row["criterion"]: row for row in measured.to_records()}
    assert records["KMNC"]["value"] == measured["kmnc"].value
    assert records["KMNC"]["value_low"] == measured["kmnc"].ci95[0]
    assert measured.plot().axes
    assert measured.findings.gaps is not None


def test_a_vote_finds_its_leading_neurons(model: ImageModel, images: ArrayImages) -> None:
    options = imprint.lenses.coverage.importance.voting.VotingOptions(m=4, draws=20)
    wisdom = coverage.wisdom(model, images, ["la", "lrp"], options=options, batch_size=16)
    assert len(wisdom.findings.leading) == 4
    assert "Leads in resamples" in str(wisdom)
