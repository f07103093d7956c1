import json
from pathlib import Path

import pytest
from PIL import Image

from imprint.core.errors import ImprintError
from imprint.data.choice import open_choice
from imprint.lenses.dejavu.commands import OneModel
from imprint.lenses.dejavu.options import OneModelOptions
from imprint.lenses.dejavu.study.one_model import one_model_audit
from imprint.study.config import parse
from tests.lenses.dejavu.made_networks import DATA, TRAIN, one_model_options


def test_every_reference_is_there_with_its_interval(one_model_study, one_model_findings):
    findings = one_model_findings
    names = ["crop_classifier", "naive_bayes", "linear_head", "combined", "strictest"]
    assert list(findings["against"]) == names
    for against in findings["against"].values():
        for percent, count in (("100", 40), ("20", 8)):
            for estimate in against["test"][percent].values():
                low, high = estimate["ci95"]
                assert low <= estimate["value"] <= high
                assert estimate["n"] == count
        every = against["test"]["100"]
        net = every["memorized"]["value"] - every["forgotten"]["value"]
        assert every["score"]["value"] == pytest.approx(net)
    data = json.loads((one_model_study / "summary.json").read_text())["data"]
    assert (data["attacked_members"], data["attacked_non_members"], data["public"]) == (40, 40, 120)
    assert data["reference_crops"] == 200
    assert not data["public_may_be_members"]
    assert not data["without_boxes"]
    assert len(findings["agreement"]) == 3


def test_controls_find_nothing(one_model_findings):
    findings = one_model_findings
    assert set(findings["controls"]) == {"permuted", "untrained"}
    assert findings["controls"]["permuted"]["passed"]


def test_a_second_call_builds_nothing_again(encoder, one_model_study):
    files = {
        path: path.stat().st_mtime_ns
        for path in one_model_study.rglob("*")
        if path.is_file() and path.parent != one_model_study
    }
    one_model_audit(one_model_options(encoder, one_model_study, export_legacy=True))
    assert files == {path: path.stat().st_mtime_ns for path in files}


def test_lists_of_images_replace_a_partition(encoder, tmp_path):
    changes = {
        "split": None,
        "members": encoder / "train_a.npy",
        "references": ("naive_bayes",),
    }
    summary = one_model_audit(one_model_options(encoder, tmp_path / "out", **changes))
    assert summary["data"]["attacked_members"] == 40
    assert summary["data"]["attacked_non_members"] == 40
    assert summary["data"]["public"] == 120
    changes |= {"members": None, "non_members": encoder / "public.npy", "seed": 1}
    data = one_model_audit(one_model_options(encoder, tmp_path / "other", **changes))["data"]
    assert (data["attacked_members"], data["attacked_non_members"], data["public"]) == (80, 30, 90)


def test_a_network_trained_on_everything_has_no_non_members(encoder, tmp_path):
    changes = {"split": None, "references": ("naive_bayes", "linear_head")}
    summary = one_model_audit(one_model_options(encoder, tmp_path / "out", **changes))
    findings = summary["lenses"]["dejavu"]["one_model"]
    assert "missing" in findings["non_members"]
    assert set(findings["controls"]) == {"permuted"}
    assert summary["data"]["public_may_be_members"]
    assert summary["data"]["attacked_members"] == summary["data"]["public"] == 100


def test_images_without_boxes_are_attacked_by_a_corner(encoder, tmp_path):
    """Without boxes anywhere: the corner is taken, and the page says so."""
    images = open_choice(DATA, 0)
    folder = tmp_path / "images"
    for row in range(len(images)):
        file = folder / images.classes[images.labels[row]] / f"{row}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images.pixels[row].transpose(1, 2, 0)).save(file)
    chosen = OneModelOptions(
        out=tmp_path / "out",
        data=str(folder),
        model=encoder / "A" / "final.safetensors",
        k=10,
        json=True,
        references=("naive_bayes", "linear_head"),
        folds=2,
    )
    summary = one_model_audit(chosen)
    assert list(summary["lenses"]["dejavu"]) == ["one_model"]
    page = (tmp_path / "out" / "report.html").read_text()
    assert "no object boxes, so a corner of each was taken" in page
    assert "may be training images as well" in page
    words = ["--config", str(tmp_path / "out" / "options.yaml"), "--out", str(chosen.out), "--json"]
    assert vars(parse(OneModel, words, "test")) == {**vars(chosen), "arrays": None}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"references": ("guess",)}, "choose among crop_classifier,naive_bayes,linear_head"),
        ({"references": ()}, "--references is empty"),
        ({"k": 500}, "only 120 images are public"),
        ({"top_classes": 9}, "--top-classes must be in"),
        ({"voting": 11}, "voting must be at most k"),
        ({"folds": 0}, "folds must be at least 1"),
        ({"classifier": TRAIN}, "--classifier.objective is vicreg"),
        ({"per_class": 5}, "5"),
        ({"min_crop_px": 90.0}, "no image to attack has a background"),
    ],
)
def test_options_that_do_not_fit_are_refused(encoder, tmp_path, changes, message):
    with pytest.raises(ImprintError, match=message):
        one_model_audit(one_model_options(encoder, tmp_path / "out", **changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 0}, "k must be at least 1"),
        ({"k": -3}, "k must be at least 1"),
        ({"top_percent": (200.0,)}, "top_percent must be in"),
        ({"seeds": 0}, "seeds must be at least 1"),
        ({"folds": 0}, "folds must be at least 1"),
        ({"smoothing": -1.0}, "smoothing must be above 0"),
        ({"top_tags": 0}, "top_tags must be at least 1"),
        ({"classifier_steps": -1}, "classifier_steps must be at least 0"),
        ({"tags": Path("nowhere.csv")}, "--tags: there is no file nowhere.csv"),
        ({"feature_encoder": Path("nowhere")}, "--feature-encoder: there is no file nowhere"),
        ({"exclude_images": Path("nowhere.npy")}, "nowhere.npy: No such file or directory$"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_trained(encoder, tmp_path, changes, message):
    with pytest.raises(ImprintError, match=message):
        one_model_audit(one_model_options(encoder, tmp_path / "out", **changes))
    assert not [path for path in (tmp_path / "out").rglob("*") if path.name != ".lock"]
