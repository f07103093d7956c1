"""Public images from elsewhere in the audit of the user's own model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.records.records import ArrayRows
from imprint.lenses.dejavu.options import OwnDejavuChoice
from imprint.lenses.dejavu.study.own_model import choose_own_roles
from tests.lenses.dejavu.study.test_own_model import SIDE, audited, findings_of


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """Return an array file of 60 public pictures, ten of them of a class the model lacks."""
    random = np.random.default_rng(5)
    pixels = random.integers(0, 256, (60, SIDE, SIDE), dtype=np.uint8)
    labels = np.concatenate([np.arange(50) % 3, np.full(10, 3)])
    file = tmp_path / "public.npz"
    np.savez(file, images=pixels, labels=labels, classes=["b", "a", "c", "d"])
    return file


def test_public_images_of_a_file_vote_in_place_of_non_members(public: Path, tmp_path: Path) -> None:
    model, options = audited(), OwnDejavuChoice(k=10, public=public)
    roles = choose_own_roles(model, options, 0)
    assert roles.public.tolist() == list(range(140, 190))
    assert roles.images.labels[roles.public[:3]].tolist() == [1, 0, 2]
    assert int((~roles.pool.members).sum()) == 60
    facts = findings_of(model, tmp_path, options)["facts"]
    assert (facts["public"], facts["public_images"]["unknown_classes"]) == (50, 10)
    assert facts["public_may_be_members"] is None


def test_images_of_a_file_are_no_inputs_like_arrays_the_user_prepared(public: Path) -> None:
    with pytest.raises(ImprintError, match="the members are float32 arrays"):
        choose_own_roles(audited("float32"), OwnDejavuChoice(public=public), 0)


def test_a_part_needs_its_set() -> None:
    with pytest.raises(ImprintError, match="is a part of --public"):
        choose_own_roles(audited(), OwnDejavuChoice(public_part="val"), 0)


def test_near_duplicates_are_searched_on_wish(tmp_path: Path) -> None:
    model = audited()
    copied = model.members.inputs.read(np.arange(8))[..., ::-1]
    pixels = np.concatenate([copied, model.non_members.inputs.read(np.arange(8, 80))])
    others = replace(model.non_members, inputs=ArrayRows(np.ascontiguousarray(pixels)))
    model = replace(model, non_members=others, tests=others)
    searched = OwnDejavuChoice(k=10, near_duplicates="report")
    findings = findings_of(model, tmp_path, searched)["one_model"]
    doubts = findings["doubts"]
    assert doubts["near_duplicates"]["images"] >= 8
    left_out = doubts["without"]["near_duplicates"]["left_out"]
    assert 0 < left_out <= doubts["near_duplicates"]["images"]
    assert doubts["test"] == findings["against"][findings["best"]]["test"]
