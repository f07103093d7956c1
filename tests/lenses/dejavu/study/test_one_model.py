import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imprint.audit.options import AuditOptions
from imprint.audit.run import run_audit
from imprint.commands.audit import RunAudit
from imprint.core.errors import ImprintError
from imprint.data.choice import open_choice
from imprint.data.geometry import centre_squares, whole_rectangles
from imprint.data.imageset import ArrayImages
from imprint.data.split import partition_images, save_partition
from imprint.data.tags.tag_files import write_labels
from imprint.data.tags.visual_words import fit_visual_words
from imprint.lenses.dejavu.options import CLASSIFIER, OneModelOptions, ReferenceChoice
from imprint.lenses.dejavu.study import references
from imprint.lenses.dejavu.study.one_model import one_model_audit
from imprint.lenses.dejavu.study.roles import choose_roles, cut_crops
from imprint.nets.fill import initial_model
from imprint.nets.load import read_card
from imprint.nets.save import save_model
from imprint.report.page import write_report
from imprint.study.config import parse
from imprint.study.json_io import write_json
from imprint.study.options import DataChoice
from imprint.study.tables import read_table
from imprint.train.loop import train
from imprint.train.options import TrainOptions

TINY = (("width", "8"), ("depth", "1"))
TRAIN = TrainOptions(
    architecture_options=TINY, projector="16-8", epochs=2, warmup_epochs=1, snapshot_every=0
)
CLASSIFIER_SMALL = replace(CLASSIFIER, architecture_options=TINY, epochs=2, warmup_epochs=1)
DATA = DataChoice(composite_count=200, background_correlation=0.9)
SETTINGS = {**vars(DATA), "k": 10, "folds": 2, "json": True, "classifier": CLASSIFIER_SMALL}
SETTINGS |= {"classifier_steps": 4, "learn_from": "all"}


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A tiny encoder trained on set A, and the partition."""
    root = tmp_path_factory.mktemp("given")
    images = open_choice(DATA, 0)
    partitions = partition_images(images, images.boxes(), sizes=(4,))
    save_partition(root / "split", partitions, images.fingerprint())
    part = partitions.by_size[4]
    train(images, part.train_a, TRAIN, root / "A", 0, torch.device("cpu"))
    np.save(root / "train_a.npy", part.train_a)
    np.save(root / "public.npy", part.public)
    return root


def options(given, out, **changes):
    values = {
        "model": given / "A" / "final.safetensors",
        "split": given / "split",
        "per_class": 4,
        "out": out,
        **SETTINGS,
    }
    return OneModelOptions(**{**values, **changes})


@pytest.fixture(scope="module")
def study(given, tmp_path_factory):
    out = tmp_path_factory.mktemp("one") / "study"
    one_model_audit(options(given, out, export_legacy=True))
    return out


@pytest.fixture(scope="module")
def found(study):
    return json.loads((study / "summary.json").read_text())["lenses"]["dejavu"]["one_model"]


def test_every_reference_is_there_with_its_interval(study, found):
    names = ["crop_classifier", "naive_bayes", "linear_head", "combined", "strictest"]
    assert list(found["against"]) == names
    for against in found["against"].values():
        for percent, count in (("100", 40), ("20", 8)):
            for estimate in against["test"][percent].values():
                low, high = estimate["ci95"]
                assert low <= estimate["value"] <= high
                assert estimate["n"] == count
        every = against["test"]["100"]
        net = every["memorized"]["value"] - every["forgotten"]["value"]
        assert every["score"]["value"] == pytest.approx(net)
    data = json.loads((study / "summary.json").read_text())["data"]
    assert (data["attacked_members"], data["attacked_non_members"], data["public"]) == (40, 40, 120)
    assert data["reference_crops"] == 200
    assert not data["public_may_be_members"]
    assert not data["without_boxes"]
    assert len(found["agreement"]) == 3


def test_tables_agree_with_findings(study, found):
    records = read_table(study / "tables" / "one_model" / "records.parquet")
    assert len(records["index"]) == 40
    for name, against in found["against"].items():
        shares = np.bincount(records[f"{name}_category"], minlength=4) / 40
        every = against["test"]["100"]
        assert shares[1] == pytest.approx(every["memorized"]["value"])
        expected = records["confidence"] - records[f"{name}_confidence"]
        np.testing.assert_allclose(records[f"{name}_memorization"], expected)
    classes = read_table(study / "tables" / "one_model" / "classes.parquet")
    right = np.bincount(records["label"], records["prediction"] == records["label"], 10)
    np.testing.assert_allclose(classes["accuracy"], right / np.bincount(records["label"]))
    share = classes["n"] / classes["n"].sum()
    for name, against in found["against"].items():
        accuracy = against["test"]["100"]["reference_accuracy"]["value"]
        assert classes[f"{name}_accuracy"] @ share == pytest.approx(accuracy)
    ranked = np.flatnonzero(records["rank"] >= 0)
    assert len(ranked) == found["claims"]["claimed"]
    strength = records["strictest_memorization"][ranked][np.argsort(records["rank"][ranked])]
    assert (np.diff(strength) <= 0).all()
    explained = np.load(study / "tables" / "one_model" / "explained.npy")
    assert explained.tolist() == records["index"][records["explained"]].tolist()


def test_controls_find_nothing(found):
    assert set(found["controls"]) == {"permuted", "untrained"}
    assert found["controls"]["permuted"]["passed"]


def test_the_old_arrays_are_written_for_seen_and_others(study):
    folder = study / "tables" / "one_model"
    for name in ("test", "valid"):
        assert np.load(folder / f"{name}_attk_A_neighb_idxs.npy").shape == (40, 10)
    records = read_table(folder / "records.parquet")
    assert np.load(folder / "test_attk_A_attk_idxs.npy").tolist() == records["index"].tolist()


def test_a_second_call_builds_nothing_again(given, study):
    files = {
        path: path.stat().st_mtime_ns
        for path in study.rglob("*")
        if path.is_file() and path.parent != study
    }
    one_model_audit(options(given, study, export_legacy=True))
    assert files == {path: path.stat().st_mtime_ns for path in files}


def test_each_crop_is_judged_by_classifiers_that_never_trained_on_it(study):
    cards = [
        json.loads((study / f"models/crops/seed_0_fold_{fold}.card.json").read_text())
        for fold in range(2)
    ]
    assert cards[0]["settings"]["rows"] != cards[1]["settings"]["rows"]


def test_the_reference_sees_the_very_pixels_of_the_attack(given, tmp_path, monkeypatch):
    """T12: crops of references and of the attack come through one reader, to the bit."""
    images = open_choice(DATA, 0)
    choice = options(given, tmp_path)
    crops = cut_crops(images, choose_roles(choice, images), choice)
    pool = references.ReferencePool(images, crops, 2, 1, 0, None, torch.device("cpu"))
    cropped = pool.cropped()
    rows = np.arange(len(cropped))
    whole = centre_squares(whole_rectangles(cropped.sizes()))
    attacked = images.read(crops.index, crops.squares, 32)
    np.testing.assert_array_equal(cropped.read(rows, whole, 32), attacked)


def test_few_crops_are_seen_as_often_as_many():
    enough = references.with_enough_epochs(CLASSIFIER, 208, 80)
    assert (enough.epochs, enough.rising_epochs) == (80, 16)
    stated = references.with_enough_epochs(replace(CLASSIFIER, warmup_epochs=1.0), 208, 80)
    assert (stated.epochs, stated.rising_epochs) == (80, 8)
    assert references.with_enough_epochs(CLASSIFIER, 1280, 80) == CLASSIFIER


def test_references_may_learn_from_attacked_images_alone(given, tmp_path):
    images = open_choice(DATA, 0)

    def pool(folds, learn_from):
        choice = options(given, tmp_path, folds=folds, learn_from=learn_from)
        crops = cut_crops(images, choose_roles(choice, images), choice)
        return len(crops.index), int(crops.attacked.sum()), int(crops.members.sum())

    assert pool(2, "all") == (200, 80, 40)
    assert pool(2, "attacked") == (80, 80, 40)
    assert pool(1, "all") == (200, 80, 40)
    # As published: the 40 unseen ones teach, the 40 seen ones are judged.
    assert pool(1, "attacked") == (80, 40, 40)


def sizes(chosen):
    """Return how many members and non-members are attacked."""
    return len(chosen.members), len(chosen.non_members)


def test_a_network_that_saw_both_sets_has_no_unseen_images(given, tmp_path):
    """A published network saw A, B and the public images; its card knows no hash of images."""
    images = open_choice(DATA, 0)
    published = tmp_path / "published.safetensors"
    published.write_bytes((given / "A" / "final.safetensors").read_bytes())
    card = json.loads((given / "A" / "final.json").read_text())
    sets = np.load(given / "train_a.npy")

    def roles(training, **changes):
        published.with_suffix(".json").write_text(json.dumps({**card, "training": training}))
        return choose_roles(options(given, tmp_path, model=published, **changes), images)

    everything = roles({"published": "trunk"})
    assert sizes(everything) == (80, 0)
    assert everything.public_may_be_members
    for training, chosen in (({}, "auto"), ({"published": "dejavu"}, "auto"), ({}, "A")):
        found = roles(training, trained_on=chosen)
        assert np.isin(found.members, sets).all()
        assert (len(found.members), len(found.non_members), found.public_may_be_members) == (
            40,
            40,
            False,
        )
    assert np.isin(roles({}, trained_on="B").non_members, sets).all()
    once = {"folds": 1, "learn_from": "attacked", "trained_on": "all"}
    taught = roles({}, **once)
    crops = cut_crops(images, taught, options(given, tmp_path, model=published, **once))
    assert np.isin(taught.non_members, sets).all()
    assert taught.public_may_be_members
    assert crops.members[crops.attacked].all()
    with pytest.raises(ImprintError, match="trained on set A by its card, not on all"):
        roles(card["training"], trained_on="all")


def test_lists_of_images_do_without_a_partition(given, tmp_path):
    changes = {
        "split": None,
        "members": given / "train_a.npy",
        "references": ("naive_bayes",),
    }
    summary = one_model_audit(options(given, tmp_path / "out", **changes))
    assert summary["data"]["attacked_members"] == 40
    assert summary["data"]["attacked_non_members"] == 40
    assert summary["data"]["public"] == 120
    changes |= {"members": None, "non_members": given / "public.npy", "seed": 1}
    data = one_model_audit(options(given, tmp_path / "other", **changes))["data"]
    assert (data["attacked_members"], data["attacked_non_members"], data["public"]) == (80, 30, 90)


def test_a_network_that_saw_everything_has_no_unseen_images(given, tmp_path):
    changes = {"split": None, "references": ("naive_bayes", "linear_head")}
    summary = one_model_audit(options(given, tmp_path / "out", **changes))
    found = summary["lenses"]["dejavu"]["one_model"]
    assert "missing" in found["non_members"]
    assert set(found["controls"]) == {"permuted"}
    assert summary["data"]["public_may_be_members"]
    assert summary["data"]["attacked_members"] == summary["data"]["public"] == 100


def test_images_without_boxes_are_cut_at_the_corner(given, tmp_path):
    images = open_choice(DATA, 0)
    np.savez(
        tmp_path / "images.npz", images=images.pixels.transpose(0, 2, 3, 1), labels=images.labels
    )
    plain = ArrayImages(images.pixels, images.labels, images.classes)
    choice = options(given, tmp_path, split=None)
    crops = cut_crops(plain, choose_roles(choice, plain), choice)
    assert crops.without_boxes
    assert crops.rule == "corner"
    assert crops.squares[0].tolist() == pytest.approx([0, 22.4, 9.6, 32])


def test_an_audit_of_one_network_is_the_one_model_test(given, tmp_path):
    """Without boxes anywhere: the corner is taken, and the page says so."""
    images = open_choice(DATA, 0)
    folder = tmp_path / "images"
    for row in range(len(images)):
        file = folder / images.classes[images.labels[row]] / f"{row}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images.pixels[row].transpose(1, 2, 0)).save(file)
    chosen = AuditOptions(
        out=tmp_path / "out",
        data=str(folder),
        model=given / "A" / "final.safetensors",
        k=10,
        json=True,
        one_model=ReferenceChoice(references=("naive_bayes", "linear_head"), folds=2),
    )
    summary = run_audit(chosen)
    assert list(summary["lenses"]["dejavu"]) == ["one_model"]
    page = (tmp_path / "out" / "report.html").read_text()
    assert "no object boxes, so a corner of each was taken" in page
    assert "may be training images as well" in page
    words = ["--config", str(tmp_path / "out" / "options.yaml"), "--out", str(chosen.out), "--json"]
    assert vars(parse(RunAudit, words, "test")) == vars(chosen)


def test_the_page_tells_what_is_found(study, found):
    page = (study / "report.html").read_text()
    assert 'id="one-model-result"' in page
    assert "that the model was <em>not trained on</em>" in page
    assert "Class by class" in page
    assert "no object boxes" not in page
    assert page.count('<li class="card"') == min(20, found["claims"]["claimed"])
    for name in found["against"]:
        assert name.replace("_", " ") in page


@pytest.mark.parametrize(
    ("low", "heading"),
    [(0.05, "The most strongly memorized images"), (-0.05, "Images that only the model got right")],
)
def test_the_gallery_claims_no_more_than_the_heading(study, tmp_path, low, heading):
    copy = shutil.copytree(study, tmp_path / "study")
    summary = json.loads((copy / "summary.json").read_text())
    found = summary["lenses"]["dejavu"]["one_model"]
    found["non_members"]["against"][found["best"]]["excess"] |= {"value": 0.1, "ci95": [low, 0.3]}
    write_json(copy / "summary.json", summary)
    page = write_report(copy).read_text()
    assert f"<h3>{heading}</h3>" in page
    assert ("no single image here shows any" in page) == (low < 0)
    assert ("Most memorized" in page) == (low > 0)


def test_tags_made_elsewhere_are_used(given, tmp_path):
    images = open_choice(DATA, 0)
    names = [images.name_of(row) for row in range(len(images))]
    tags = fit_visual_words(images.pixels, 16).annotate(images.pixels)
    write_labels(tmp_path / "labels", tags, names, images.labels, images.classes)
    changes = {"tags": tmp_path / "labels", "references": ("naive_bayes",)}
    found = one_model_audit(options(given, tmp_path / "out", **changes))
    # Words for whole pictures know the object's tile: such tags name the class.
    against = found["lenses"]["dejavu"]["one_model"]["against"]["naive_bayes"]
    assert against["test"]["100"]["reference_accuracy"]["value"] > 0.4


def test_features_of_the_network_under_test_are_refused(given, tmp_path):
    changes = {"references": ("linear_head",), "model": given / "A" / "final.safetensors"}
    with pytest.raises(ImprintError, match="is the network under audit"):
        one_model_audit(
            options(given, tmp_path / "out", feature_encoder=changes["model"], **changes)
        )
    assert not (tmp_path / "out" / "summary.json").exists()


def test_a_feature_encoder_can_be_given_and_references_trained_once(given, tmp_path):
    card = read_card(given / "A" / "final.safetensors")
    fresh = replace(card, training={})
    save_model(given / "fresh.safetensors", initial_model(fresh, 5), fresh)
    changes = {
        "feature_encoder": given / "fresh.safetensors",
        "references": ("linear_head",),
        "folds": 1,
        "decision": "logits",
        "layer": "logits",
    }
    with pytest.raises(ImprintError, match="logits"):
        one_model_audit(options(given, tmp_path / "out", **{**changes, "layer": "projector"}))
    found = one_model_audit(options(given, tmp_path / "out", **changes))
    assert list(found["lenses"]["dejavu"]["one_model"]["against"]) == ["linear_head", "strictest"]


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
def test_mistakes_are_told(given, tmp_path, changes, message):
    with pytest.raises(ImprintError, match=message):
        one_model_audit(options(given, tmp_path / "out", **changes))


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
def test_what_is_wrong_is_told_before_anything_is_trained(given, tmp_path, changes, message):
    with pytest.raises(ImprintError, match=message):
        one_model_audit(options(given, tmp_path / "out", **changes))
    assert not [path for path in (tmp_path / "out").rglob("*") if path.name != ".lock"]


def test_images_both_trained_on_and_held_out_are_told(given, tmp_path):
    changes = {"split": None, "members": given / "train_a.npy"}
    with pytest.raises(ImprintError, match="both members and non-members"):
        one_model_audit(
            options(given, tmp_path / "out", non_members=given / "train_a.npy", **changes)
        )
    with pytest.raises(ImprintError, match="leave out --members"):
        one_model_audit(options(given, tmp_path / "out", members=given / "train_a.npy"))
