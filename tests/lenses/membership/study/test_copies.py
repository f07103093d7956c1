import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.imageset import ArrayImages
from imprint.data.joined import JoinedImages
from imprint.lenses.membership.study.copies import (
    describe_copies,
    distinct_pool,
    distinct_records,
)

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (60, 1, 4, 4), dtype=np.uint8)


def images(pixels):
    return ArrayImages(pixels, np.zeros(len(pixels), dtype=np.int64), ("a",))


def test_non_members_with_the_pixels_of_members_are_left_out():
    members, others = PIXELS[:20], np.concatenate([PIXELS[15:20], PIXELS[20:45]])
    joined = JoinedImages(images(members), images(others), "both")
    records = distinct_records(joined, 0, 1.0, 0)
    assert records.copies == records.member_copies == 5
    assert not set(range(20, 25)) & set(records.every)
    assert describe_copies(records) == [
        "5 of 50 images are exact copies of others and count once, in every number here; 5 of "
        "them were listed as non-members and copy members: they are left out"
    ]


def test_non_members_that_are_all_members_are_an_error():
    joined = JoinedImages(images(PIXELS[:20]), images(PIXELS[:20]), "both")
    with pytest.raises(ImprintError, match="20 of them non-members that copy members"):
        distinct_records(joined, 0, 1.0, 0)


def test_a_pool_holds_every_image_once():
    tripled = images(np.tile(PIXELS, (3, 1, 1, 1)))
    pool = distinct_pool(tripled, 0, 0.2, 0)
    shown = PIXELS[np.concatenate([pool.index, pool.population]) % 60].reshape(-1, 16)
    assert len(np.unique(shown, axis=0)) == len(shown) == 60
    assert pool.copies == 120
    assert describe_copies(pool) == [
        "120 of 180 images are exact copies of others and count once, in every number here"
    ]
    assert len(distinct_pool(tripled, 0, 0.2, 0, keep=True).every) == 180
    few = images(np.tile(PIXELS[:30], (4, 1, 1, 1)))
    with pytest.raises(ImprintError, match="records are left without 90 exact copies"):
        distinct_pool(few, 0, 0.2, 0)
