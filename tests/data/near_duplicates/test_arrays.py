import numpy as np
import pytest

from imprint import dejavu
from imprint.core.errors import ImprintError
from tests.data.near_duplicates.made_pictures import encoded, pictures

PICTURES = pictures(6)


def test_rows_of_others_count_on_and_either_order_of_axes_will_do():
    others = np.stack([encoded(PICTURES[2])])
    last = dejavu.near_duplicates(PICTURES, others, device="cpu")
    first = dejavu.near_duplicates(
        PICTURES.transpose(0, 3, 1, 2), others.transpose(0, 3, 1, 2), device="cpu"
    )
    for pairs in (last, first):
        assert (pairs.first.tolist(), pairs.second.tolist()) == ([2], [6])


@pytest.mark.parametrize(
    ("images", "others", "message"),
    [
        (PICTURES / 255, None, r"images must be uint8 \[n, C, H, W\]"),
        (PICTURES[0], None, "images must be uint8"),
        (PICTURES, PICTURES[:, :9], "give images of one shape"),
    ],
)
def test_arrays_that_are_no_images_are_refused(images, others, message):
    with pytest.raises(ImprintError, match=message):
        dejavu.near_duplicates(images, others)
