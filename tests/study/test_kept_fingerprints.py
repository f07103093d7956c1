import pytest

from imprint.core.errors import ImprintError
from imprint.study.store import Study
from tests.study.fingerprints import OTHERS, fingerprint


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
