import json

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.choice import open_choice
from imprint.data.imageset import ArrayImages
from imprint.lenses.dejavu.study.one_model import one_model_audit
from imprint.lenses.dejavu.study.roles import choose_roles, cut_crops
from tests.lenses.dejavu.made_networks import DATA, one_model_options


def sizes(chosen):
    """Return how many members and non-members are attacked."""
    return len(chosen.members), len(chosen.non_members)


def test_references_may_learn_from_attacked_images_alone(encoder, tmp_path):
    images = open_choice(DATA, 0)

    def pool(folds, learn_from):
        choice = one_model_options(encoder, tmp_path, folds=folds, learn_from=learn_from)
        crops = cut_crops(images, choose_roles(choice, images), choice)
        return len(crops.index), int(crops.attacked.sum()), int(crops.members.sum())

    assert pool(2, "all") == (200, 80, 40)
    assert pool(2, "attacked") == (80, 80, 40)
    assert pool(1, "all") == (200, 80, 40)
    # As published: the 40 unseen ones teach, the 40 seen ones are judged.
    assert pool(1, "attacked") == (80, 40, 40)


def test_a_network_trained_on_both_sets_has_no_non_members(encoder, tmp_path):
    """A published network saw A, B and the public images; its card knows no hash of images."""
    images = open_choice(DATA, 0)
    published = tmp_path / "published.safetensors"
    published.write_bytes((encoder / "A" / "final.safetensors").read_bytes())
    card = json.loads((encoder / "A" / "final.json").read_text())
    sets = np.load(encoder / "train_a.npy")

    def roles(training, **changes):
        published.with_suffix(".json").write_text(json.dumps({**card, "training": training}))
        return choose_roles(
            one_model_options(encoder, tmp_path, model=published, **changes), images
        )

    everything = roles({"published": "trunk"})
    assert sizes(everything) == (80, 0)
    assert everything.public_may_be_members
    for training, chosen in (({}, "auto"), ({"published": "dejavu"}, "auto"), ({}, "A")):
        chosen_roles = roles(training, trained_on=chosen)
        assert np.isin(chosen_roles.members, sets).all()
        assert (
            len(chosen_roles.members),
            len(chosen_roles.non_members),
            chosen_roles.public_may_be_members,
        ) == (
            40,
            40,
            False,
        )
    assert np.isin(roles({}, trained_on="B").non_members, sets).all()
    once = {"folds": 1, "learn_from": "attacked", "trained_on": "all"}
    taught = roles({}, **once)
    crops = cut_crops(images, taught, one_model_options(encoder, tmp_path, model=published, **once))
    assert np.isin(taught.non_members, sets).all()
    assert taught.public_may_be_members
    assert crops.members[crops.attacked].all()
    with pytest.raises(ImprintError, match="trained on set A by its card, not on all"):
        roles(card["training"], trained_on="all")


def test_images_without_boxes_are_cut_at_the_corner(encoder, tmp_path):
    images = open_choice(DATA, 0)
    np.savez(
        tmp_path / "images.npz", images=images.pixels.transpose(0, 2, 3, 1), labels=images.labels
    )
    plain = ArrayImages(images.pixels, images.labels, images.classes)
    choice = one_model_options(encoder, tmp_path, split=None)
    crops = cut_crops(plain, choose_roles(choice, plain), choice)
    assert crops.without_boxes
    assert crops.rule == "corner"
    assert crops.squares[0].tolist() == pytest.approx([0, 22.4, 9.6, 32])


def test_images_that_are_both_members_and_non_members_are_refused(encoder, tmp_path):
    changes = {"split": None, "members": encoder / "train_a.npy"}
    with pytest.raises(ImprintError, match="both members and non-members"):
        one_model_audit(
            one_model_options(
                encoder, tmp_path / "out", non_members=encoder / "train_a.npy", **changes
            )
        )
    with pytest.raises(ImprintError, match="leave out --members"):
        one_model_audit(
            one_model_options(encoder, tmp_path / "out", members=encoder / "train_a.npy")
        )
