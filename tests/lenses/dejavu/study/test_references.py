import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.data.choice import open_choice
from imprint.data.geometry import centre_squares, whole_rectangles
from imprint.data.tags.tag_files import write_labels
from imprint.data.tags.visual_words import fit_visual_words
from imprint.lenses.dejavu.options import CLASSIFIER
from imprint.lenses.dejavu.study import references
from imprint.lenses.dejavu.study.one_model import one_model_audit
from imprint.lenses.dejavu.study.roles import choose_roles, cut_crops
from imprint.nets.fill import initial_model
from imprint.nets.load import read_card
from imprint.nets.save import save_model
from tests.lenses.dejavu.made_networks import DATA, one_model_options


def test_the_reference_sees_the_very_pixels_of_the_attack(encoder, tmp_path, monkeypatch):
    """T12: crops of references and of the attack come through one reader, to the bit."""
    images = open_choice(DATA, 0)
    choice = one_model_options(encoder, tmp_path)
    crops = cut_crops(images, choose_roles(choice, images), choice)
    pool = references.ReferencePool(images, crops, 2, 1, 0, None, torch.device("cpu"))
    cropped = pool.cropped()
    rows = np.arange(len(cropped))
    whole = centre_squares(whole_rectangles(cropped.sizes()))
    attacked = images.read(crops.index, crops.squares, 32)
    np.testing.assert_array_equal(cropped.read(rows, whole, 32), attacked)


def test_few_crops_are_trained_on_for_as_many_steps_as_many():
    enough = references.with_enough_epochs(CLASSIFIER, 208, 80)
    assert (enough.epochs, enough.rising_epochs) == (80, 16)
    stated = references.with_enough_epochs(replace(CLASSIFIER, warmup_epochs=1.0), 208, 80)
    assert (stated.epochs, stated.rising_epochs) == (80, 8)
    assert references.with_enough_epochs(CLASSIFIER, 1280, 80) == CLASSIFIER


def test_tags_made_elsewhere_are_used(encoder, tmp_path):
    images = open_choice(DATA, 0)
    names = [images.name_of(row) for row in range(len(images))]
    tags = fit_visual_words(images.pixels, 16).annotate(images.pixels)
    write_labels(tmp_path / "labels", tags, names, images.labels, images.classes)
    changes = {"tags": tmp_path / "labels", "references": ("naive_bayes",)}
    findings = one_model_audit(one_model_options(encoder, tmp_path / "out", **changes))
    # Words for whole pictures know the object's tile: such tags name the class.
    against = findings["lenses"]["dejavu"]["one_model"]["against"]["naive_bayes"]
    assert against["test"]["100"]["reference_accuracy"]["value"] > 0.4
    assert "What the backgrounds show" in (tmp_path / "out" / "report.html").read_text()
    assert (tmp_path / "out" / "tables" / "one_model_tags" / "tags.csv").exists()


def test_features_of_the_network_under_audit_are_refused(encoder, tmp_path):
    changes = {"references": ("linear_head",), "model": encoder / "A" / "final.safetensors"}
    with pytest.raises(ImprintError, match="is the network under audit"):
        one_model_audit(
            one_model_options(
                encoder, tmp_path / "out", feature_encoder=changes["model"], **changes
            )
        )
    assert not (tmp_path / "out" / "summary.json").exists()


def test_a_feature_encoder_can_be_given_and_references_trained_once(encoder, tmp_path):
    card = read_card(encoder / "A" / "final.safetensors")
    fresh = replace(card, training={})
    save_model(encoder / "fresh.safetensors", initial_model(fresh, 5), fresh)
    changes = {
        "feature_encoder": encoder / "fresh.safetensors",
        "references": ("linear_head",),
        "folds": 1,
        "decision": "logits",
        "layer": "logits",
    }
    with pytest.raises(ImprintError, match="logits"):
        one_model_audit(
            one_model_options(encoder, tmp_path / "out", **{**changes, "layer": "projector"})
        )
    findings = one_model_audit(one_model_options(encoder, tmp_path / "out", **changes))
    assert list(findings["lenses"]["dejavu"]["one_model"]["against"]) == [
        "linear_head",
        "strictest",
    ]


def test_each_crop_is_predicted_by_classifiers_that_never_trained_on_it(one_model_study):
    cards = [
        json.loads((one_model_study / f"models/crops/seed_0_fold_{fold}.card.json").read_text())
        for fold in range(2)
    ]
    assert cards[0]["settings"]["rows"] != cards[1]["settings"]["rows"]
