import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.imageset import ArrayImages
from imprint.lenses.membership.study.privacy.canaries import choose_canaries


def small(count=40, classes=3):
    draw = np.random.default_rng(1)
    pixels = draw.integers(0, 256, (count, 1, 4, 4), dtype=np.uint8)
    return ArrayImages(pixels, np.arange(count) % classes, tuple(map(str, range(classes))))


def test_wrong_labels_are_wrong_and_of_canaries_alone():
    images = small(3000)
    found = choose_canaries(images, 2000, "mislabelled", 0)
    changed = np.flatnonzero(found.marked.labels != images.labels)
    assert np.array_equal(changed, found.index)
    away = (found.marked.labels - images.labels)[found.index] % 3
    # Fair between the two wrong classes, in and out of the set: 6 standard errors of 1,000.
    for side in (found.members, ~found.members):
        assert abs((away[side] == 1).mean() - 0.5) < 6 * 0.5 / np.sqrt(side.sum())
    assert np.array_equal(found.marked.pixels, images.pixels)
    assert found.expected == 2000
    assert not np.isin(found.others, found.index).any()
    natural = choose_canaries(images, 2000, "natural", 0)
    assert np.array_equal(natural.marked.labels, images.labels)
    assert np.array_equal(natural.members, found.members)


def test_one_class_has_no_wrong_label():
    with pytest.raises(ImprintError, match="choose --canary-kind natural"):
        choose_canaries(small(classes=1), 10, "mislabelled", 0)
