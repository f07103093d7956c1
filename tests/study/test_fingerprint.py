import pickle

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.boxes.cropped import CroppedImages
from imprint.data.imageset import ArrayImages
from imprint.data.joined import JoinedImages
from imprint.study.fingerprint import Fingerprint, fingerprints_in
from imprint.study.store import Study
from tests.study.fingerprints import OTHERS, fingerprint


def test_a_fingerprint_is_a_string_of_all_that_the_set_holds():
    same = fingerprint()
    assert same == fingerprint()
    assert len({same, *OTHERS.values()}) == len(OTHERS) + 1
    assert list(fingerprints_in({"a": [{"data": same}], "b": str(same)})) == [same]
    assert type(pickle.loads(pickle.dumps(same))) is str


def arrays(name, first=0):
    pixels = np.arange(3 * 3 * 4 * 4, dtype=np.uint8).reshape(3, 3, 4, 4)
    pixels[1, 0, 0, 0] = first
    return ArrayImages(pixels, np.array([0, 0, 1]), ("a", "b"), name)


def test_joined_and_cropped_sets_know_the_images_they_are_made_of(tmp_path):
    def made(first):
        joined = JoinedImages(arrays("x", first), arrays("x"), "both")
        squares = np.tile([0.0, 0.0, 2.0, 2.0], (6, 1))
        return joined.fingerprint(), CroppedImages(joined, np.arange(6), squares).fingerprint()

    for name, before, now in zip(("joined", "cropped"), made(0), made(1), strict=True):
        assert isinstance(now, Fingerprint)
        assert before != now
        study = Study(tmp_path / name)
        study.step("a", {"deep": {"data": before}}, lambda path: path.write_text("a"))
        with pytest.raises(ImprintError, match=r"deep\.data: image \[1\] was changed"):
            study.step("a", {"deep": {"data": now}}, lambda path: path.write_text("b"))


def test_arrays_under_another_name_are_the_same_and_a_pixel_makes_them_others():
    assert arrays("x").fingerprint() == arrays("copy of x").fingerprint()
    assert arrays("x").fingerprint() != arrays("x", first=1).fingerprint()
