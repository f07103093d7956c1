"""A whole two-model and a whole one-model test on images with planted near-duplicates."""

import json

import numpy as np
import pytest

from imprint.cli import main
from imprint.core.bounds import OptionError
from imprint.core.errors import ImprintError
from imprint.data.open import open_images
from imprint.data.sources.composite import composite
from imprint.data.split import partition_images, save_partition
from imprint.lenses.dejavu.doubt_options import DoubtChoice
from imprint.lenses.dejavu.study.doubts import check_kept
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model

CARD = ModelCard("mlp", 3, 10, 8, (0.5,), (0.25,), {"widths": "16"})


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Images of which eight of set A have a mirrored copy in public, two networks, a partition."""
    root = tmp_path_factory.mktemp("doubts")
    images = composite(160, 0.0, 0)
    pixels = images.pixels.copy()
    save_images(root, pixels, images)
    opened = open_images(root / "data.npz")
    part = partition_images(opened, None, sizes=(4,)).by_size[4]
    for place_of, row in enumerate(part.bbox_a[:8]):  # four each of two classes
        free = part.public[images.labels[part.public] == images.labels[row]]
        pixels[free[place_of % 4]] = pixels[row][..., ::-1]
    save_images(root, pixels, images)
    opened = open_images(root / "data.npz")
    save_partition(root / "split", partition_images(opened, None, sizes=(4,)), opened.fingerprint())
    for seed in (0, 1):
        save_model(root / f"{seed}.safetensors", initial_model(CARD, seed), CARD)
    tags = "".join(f"data[{row}],{opened.classes[opened.labels[row]]}\n" for row in part.bbox_b[:6])
    (root / "tags.csv").write_text("image,tag\n" + tags)
    return root


def save_images(root, pixels, images):
    """Write an array file."""
    arrays = {"images": pixels.transpose(0, 2, 3, 1), "labels": images.labels}
    np.savez(root / "data.npz", classes=list(images.classes), **arrays)


def two_model(place, out, *more):
    """Run a two-model test; return its summary."""
    main(
        [
            *("dejavu", "two-model", "--data", str(place / "data.npz"), "--crop", "corner"),
            *("--model-a", str(place / "0.safetensors"), "--model-b", str(place / "1.safetensors")),
            *("--split", str(place / "split"), "--per-class", "4", "--k", "5", "--no-controls"),
            *("--layer", "backbone", "--device", "cpu", "--json", "--out", str(out), *more),
        ]
    )
    return json.loads((out / "summary.json").read_text())


def test_the_score_is_given_with_and_without_images_in_doubt(place, tmp_path):
    tagged = ("--crop-objects", str(place / "tags.csv"))
    summary = two_model(place, tmp_path / "report", *tagged)
    findings = summary["lenses"]["dejavu"]
    doubts = findings["doubts"]
    duplicates = doubts["near_duplicates"]
    planted = {"first": "A", "second": "public", "pairs": 8, "images": 8}
    assert planted in duplicates["relations"]
    in_doubt = duplicates["images"]
    assert doubts["test"] == findings["two_model"]
    without = doubts["without"]
    assert (without["near_duplicates"]["left_out"], without["near_duplicates"]["n"]) == (
        in_doubt,
        80 - in_doubt,
    )
    assert without["visible_objects"]["left_out"] == 6
    assert doubts["visible_objects"] == {"attacked": 80, "images": 6, "unknown": 74}
    assert without["either"]["left_out"] >= max(in_doubt, 6)
    page = (tmp_path / "report" / "report.html").read_text()
    assert "Is it memorization?" in page
    assert "They count in the findings above" in page

    left = two_model(
        place, tmp_path / "exclude", *tagged, "--near-duplicates", "exclude",
        "--visible-objects", "exclude",
    )  # fmt: skip
    excluded = left["lenses"]["dejavu"]
    assert excluded["two_model"] == without["either"]["test"]
    assert excluded["doubts"]["test"] == findings["two_model"]
    assert excluded["doubts"]["excluded"] == ["near_duplicates", "visible_objects"]
    assert "They are left out" in (tmp_path / "exclude" / "report.html").read_text()


def test_nothing_is_searched_where_it_is_switched_off(place, tmp_path):
    summary = two_model(place, tmp_path / "off", "--near-duplicates", "off")
    assert "doubts" not in summary["lenses"]["dejavu"]
    assert not (tmp_path / "off" / "tables" / "near_duplicates").exists()
    assert "Is it memorization?" not in (tmp_path / "off" / "report.html").read_text()


def test_a_one_model_test_leaves_them_out_as_well(place, tmp_path):
    found = {}
    for choice in ("report", "exclude"):
        main(
            [
                *("dejavu", "one-model", "--data", str(place / "data.npz"), "--crop", "corner"),
                *("--model", str(place / "0.safetensors"), "--split", str(place / "split")),
                *("--per-class", "4", "--trained-on", "A", "--k", "5", "--layer", "backbone"),
                *("--references", "linear_head", "--folds", "2", "--no-controls", "--json"),
                *("--device", "cpu", "--near-duplicates", choice),
                *("--out", str(tmp_path / choice)),
            ]
        )
        summary = json.loads((tmp_path / choice / "summary.json").read_text())
        found[choice] = summary["lenses"]["dejavu"]["one_model"]
    doubts = found["report"]["doubts"]
    without = doubts["without"]["near_duplicates"]
    best = found["report"]["best"]
    assert doubts["test"] == found["report"]["against"][best]["test"]
    assert without["left_out"] >= 8
    assert found["exclude"]["doubts"]["test"] == doubts["test"]
    score = found["exclude"]["against"][best]["test"]["100"]["score"]
    assert score["n"] == without["n"]


def test_no_image_left_to_test_is_one_sentence():
    kept = np.array([False, False, True])
    with pytest.raises(ImprintError, match="all 2 attacked images of set A are left out"):
        check_kept(kept, {"set B": np.array([False, False, True]), "set A": ~kept})


def test_choices_about_objects_need_a_file():
    with pytest.raises(OptionError, match="visible_objects applies only with --crop-objects"):
        DoubtChoice(visible_objects="exclude")
