import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.data.tags.annotation import Annotator
from imprint.data.tags.descriptors import patch_descriptors
from imprint.data.tags.visual_words import fit_visual_words
from tests.data.tags.pictures import flat, noise


def test_each_colour_has_its_word():
    colours = flat((255, 0, 0), (0, 255, 0), (0, 0, 255))
    words = fit_visual_words(colours, 3)
    tags = words.annotate(colours[[0, 1, 2, 0]])
    said = [tags.words(row) for row in range(4)]
    assert [len(each) for each in said] == [1, 1, 1, 1]
    assert {each[0][1] for each in said} == {1.0}
    assert said[0] == said[3]
    assert len({each[0][0] for each in said}) == 3


@given(st.integers(0, 20), st.integers(1, 6))
@settings(max_examples=10, deadline=None)
def test_tags_of_a_crop_do_not_depend_on_the_batch(seed, cut):
    crops = noise(7, seed)
    words = fit_visual_words(noise(10, 99), 8)
    together = words.annotate(crops)
    parts = [words.annotate(crops[:cut]), words.annotate(crops[cut:])]
    apart = [part.words(row) for part in parts for row in range(len(part))]
    assert [together.words(row) for row in range(7)] == apart
    for row in range(7):
        assert sum(score for _, score in together.words(row)) == pytest.approx(1)


def test_it_is_an_annotator_and_depends_on_its_seed_alone():
    crops = noise(12)
    one, same, other = (fit_visual_words(crops, 6, seed) for seed in (1, 1, 2))
    assert isinstance(one, Annotator)
    np.testing.assert_array_equal(one.centres, same.centres)
    assert not np.array_equal(one.centres, other.centres)


def test_no_crops_are_rejected():
    with pytest.raises(ImprintError, match="of 0 crops"):
        fit_visual_words(noise(0), 5)
    with pytest.raises(ImprintError, match="too small"):
        patch_descriptors(noise(1, side=4))
