import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.data.choice import open_choice
from imprint.data.imageset import ArrayImages
from imprint.data.open import open_images
from imprint.data.sources.composite import composite
from imprint.lenses.dejavu.public_options import PublicChoice
from imprint.lenses.dejavu.study.one_model import one_model_audit
from imprint.lenses.dejavu.study.public_images import choose_public, matched, open_elsewhere
from tests.lenses.dejavu.made_networks import DATA, one_model_options

NUMBERS = np.zeros((4, 3, 8, 8), dtype=np.uint8)
IMAGES = ArrayImages(NUMBERS, np.array([0, 1, 2, 2]), ("cat", "dog", "newt"), "data")
PUBLIC = ArrayImages(NUMBERS, np.array([0, 0, 1, 2]), ("dog", "cat", "emu"), "elsewhere")


def test_classes_are_matched_by_name_and_what_is_missing_is_counted():
    elsewhere = matched(PUBLIC, IMAGES)
    public = choose_public(IMAGES, np.array([3]), elsewhere, np.array([0, 2, 3]))
    assert public.index.tolist() == [4, 5, 6]
    assert public.images.labels[public.index].tolist() == [1, 1, 0]
    facts = public.facts
    assert (facts.name, facts.n, facts.classes, facts.unknown_classes) == ("elsewhere", 3, 2, 1)
    assert (facts.missing_classes, facts.unrecognisable) == (("newt",), 2)
    assert facts.may_be_members is None


def test_public_images_of_the_data_stay_as_they_are():
    public = choose_public(IMAGES, np.array([3, 1]), None, np.array([0]), may_be_members=True)
    assert public.images is IMAGES
    assert public.index.tolist() == [3, 1]
    assert (public.facts.elsewhere, public.facts.may_be_members) == (False, True)
    assert public.facts.missing_classes == ("cat",)


@pytest.mark.parametrize(
    ("public", "message"),
    [
        (replace(PUBLIC, classes=("a", "b", "c")), "no public image of elsewhere is of a class"),
        (replace(PUBLIC, pixels=NUMBERS[:, :1]), "have 1 channels"),
    ],
)
def test_public_images_of_other_kinds_are_refused(public, message):
    with pytest.raises(ImprintError, match=message):
        matched(public, IMAGES)


def folder_of(root, images, part):
    """Write images as PART/CLASS/ROW.png."""
    for row, (pixels, label) in enumerate(zip(images.pixels, images.labels, strict=True)):
        file = root / part / images.classes[label] / f"{row}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.transpose(1, 2, 0)).save(file)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """A folder of images with a training and a validation part."""
    root = tmp_path_factory.mktemp("photos")
    folder_of(root, composite(60, 0.0, 1), "train")
    folder_of(root, composite(40, 0.0, 2), "val")
    return root


def test_folders_of_one_id_that_have_a_name_in_one_set_alone_are_explained(tmp_path):
    for root in ("named", "ids"):
        for wnid in ("n00000001", "n00000002"):
            folder_of(tmp_path / root, replace(IMAGES, classes=(wnid,) * 3), "train")
    (tmp_path / "named" / "words.txt").write_text("n00000001\tcat\nn00000002\tdog, hound\n")
    named, ids = (open_images(tmp_path / root) for root in ("named", "ids"))
    with pytest.raises(ImprintError, match=r"both have folders such as n00000001: put the words"):
        matched(named, ids)


def test_another_part_of_the_data_holds_no_members(parts):
    data = replace(DATA, data=str(parts), composite_count=960, background_correlation=0.0)
    images = open_choice(data, 0)
    elsewhere = open_elsewhere(PublicChoice(public_part="val"), data, images)
    facts = choose_public(images, np.arange(0), elsewhere, np.arange(60)).facts
    assert (facts.part, facts.n, facts.same_data, facts.may_be_members) == ("val", 40, True, False)
    with pytest.raises(ImprintError, match="--public-part train is the part under test"):
        open_elsewhere(PublicChoice(public_part="train"), data, images)


def test_the_embedded_set_has_no_parts():
    with pytest.raises(ImprintError, match="the embedded set has no parts"):
        open_elsewhere(PublicChoice(public_part="val"), DATA, open_choice(DATA, 0))


def test_a_layout_without_public_images_is_refused():
    with pytest.raises(ImprintError, match="public_layout applies only with --public"):
        PublicChoice(public_layout="folder")


def test_a_one_model_test_attacks_every_image_where_others_vote(encoder, parts, tmp_path):
    options = one_model_options(
        encoder,
        tmp_path / "out",
        split=None,
        members=None,
        public=parts,
        public_part="val",
        references=("naive_bayes",),
    )
    data = one_model_audit(options)["data"]
    assert data["attacked_members"] == 200
    assert data["public"] == 40
    assert data["public_images"]["part"] == "val"
    assert data["public_may_be_members"] is None
    page = (tmp_path / "out" / "report.html").read_text()
    assert "part val" in page
    assert "is not known here" in page


def test_a_two_model_test_takes_public_images_from_elsewhere(encoder, parts, tmp_path):
    model, other = encoder / "A" / "final.safetensors", tmp_path / "other.safetensors"
    other.write_bytes(model.read_bytes())
    card = json.loads(model.with_suffix(".json").read_text())
    other.with_suffix(".json").write_text(json.dumps({**card, "training": {}}))
    main(
        [
            *("dejavu", "two-model", "--model-a", str(model), "--model-b", str(other)),
            *("--per-class", "4"),
            *("--composite-count", "200", "--background-correlation", "0.9", "--k", "10"),
            *("--split", str(encoder / "split"), "--out", str(tmp_path / "out")),
            *("--public", str(parts), "--no-controls"),
        ]
    )
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["data"]["public"] == 60
    assert summary["data"]["public_images"]["elsewhere"]
    assert summary["data"]["images"] == 200
