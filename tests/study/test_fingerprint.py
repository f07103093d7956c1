import pickle

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.boxes.cropped import CroppedImages
from imprint.data.imageset import ArrayImages
from imprint.data.joined import JoinedImages
from imprint.study.fingerprint import Fingerprint, fingerprint_of, fingerprints_in
from imprint.study.store import Study


def fingerprint(names="abc", contents=(1, 2, 3), labels=(0, 0, 1), boxes=None, facts="set"):
    digests = np.repeat(np.array(contents, dtype=np.uint8)[:, None], 32, axis=1)
    return fingerprint_of(facts, list(names), digests, np.array(labels), boxes)


OTHERS = {
    "content": fingerprint(contents=(1, 2, 4)),
    "name": fingerprint(names="abd"),
    "label": fingerprint(labels=(0, 1, 1)),
    "boxes": fingerprint(boxes=[[[0, 0, 1, 1]], [], []]),
    "no boxes": fingerprint(boxes=[[], [], []]),
    "facts": fingerprint(facts="other"),
    "order": fingerprint(names="bac"),
    "fewer": fingerprint("ab", (1, 2), (0, 0)),
}


def test_a_fingerprint_is_a_string_of_all_that_the_set_holds():
    same = fingerprint()
    assert same == fingerprint()
    assert len({same, *OTHERS.values()}) == len(OTHERS) + 1
    assert list(fingerprints_in({"a": [{"data": same}], "b": str(same)})) == [same]
    assert type(pickle.loads(pickle.dumps(same))) is str


@pytest.mark.parametrize(
    ("now", "message"),
    [
        (OTHERS["content"], "data: c was changed"),
        (OTHERS["name"], "data: c was removed, d was added"),
        (OTHERS["label"], "data: b was given another label or other boxes"),
        (OTHERS["fewer"], "data: c was removed"),
        (fingerprint(contents=(9, 9, 9)), "data: a, b, c were changed"),
        (fingerprint("abcdefgh", [1] * 8, [0] * 8), "d, e, f and 2 more were added"),
        (OTHERS["order"], "data: b, a were changed"),
        (OTHERS["facts"], "data: [0-9a-f]{12}… there, [0-9a-f]{12}… now"),
    ],
)
def test_a_refusal_names_the_images_that_differ(tmp_path, now, message):
    study = Study(tmp_path)
    study.step("a", {"data": fingerprint()}, lambda path: path.write_text("a"))
    with pytest.raises(ImprintError, match=message):
        study.step("a", {"data": now}, lambda path: path.write_text("b"))
    assert (tmp_path / "a").read_text() == "a"


def test_without_the_hashes_of_images_a_refusal_quotes_the_fingerprints(tmp_path):
    study = Study(tmp_path)
    study.step("a", {"data": fingerprint()}, lambda path: path.write_text("a"))
    (kept,) = (tmp_path / "fingerprints").iterdir()
    for damaged in (b"", kept.read_bytes()[:100]):
        kept.write_bytes(damaged)
        with pytest.raises(ImprintError, match=r"data: [0-9a-f]{12}… there"):
            study.step("a", {"data": OTHERS["content"]}, lambda path: path.write_text("b"))


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
