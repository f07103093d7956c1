import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.data.tags.annotation import Tags, join_tags, tags_from_words

busy = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A machine with much else to do is no failure."""
words = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([0.1, 0.5, 0.9]), max_size=6)
image_lists = st.lists(words.map(lambda each: list(each.items())), max_size=6)


@given(image_lists)
@busy
def test_words_come_back_as_they_went_in(images):
    tags = tags_from_words(images)
    assert [tags.words(row) for row in range(len(tags))] == images


@given(image_lists, st.integers(1, 4))
@busy
def test_top_keeps_the_highest_scores_of_each_image(images, k):
    top = tags_from_words(images, "abcdef").top(k)
    for row, pairs in enumerate(images):
        assert top.words(row) == sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:k]


@given(image_lists.filter(len), st.data())
@busy
def test_rows_and_join_are_inverse(images, data):
    tags = tags_from_words(images)
    order = data.draw(st.permutations(range(len(images))))
    shuffled = tags.rows(np.array(order))
    assert [shuffled.words(row) for row in range(len(images))] == [images[row] for row in order]
    joined = join_tags([tags.rows([row]) for row in range(len(images))])
    assert joined.tags.tolist() == tags.tags.tolist()
    assert joined.offsets.tolist() == tags.offsets.tolist()


def test_a_mask_chooses_rows():
    tags = tags_from_words([[("a", 1.0)], [("b", 2.0)], [("c", 3.0)]])
    assert tags.rows(np.array([True, False, True])).words(1) == [("c", 3.0)]


@pytest.mark.parametrize(
    ("vocabulary", "offsets", "tags", "scores", "message"),
    [
        (("a", "a"), [0], [], [], "twice"),
        (("a",), [0, 2], [0], [0.5], "offsets must rise"),
        (("a",), [1, 1], [0], [0.5], "offsets must rise"),
        (("a",), [0, 1], [1], [0.5], "they must lie in"),
        (("a",), [0, 1], [0], [0.5, 0.6], "as many scores"),
        (("a",), [0, 1], [0], [np.nan], "not finite"),
        (("a", "b"), [0, 2], [1, 1], [0.5, 0.6], "has a tag twice"),
    ],
)
def test_what_does_not_fit_is_refused(vocabulary, offsets, tags, scores, message):
    with pytest.raises(ImprintError, match=message):
        Tags(vocabulary, np.array(offsets), np.array(tags, dtype=int), np.array(scores))


def test_an_unknown_word_is_named():
    with pytest.raises(ImprintError, match="'sun' is not in the vocabulary"):
        tags_from_words([[("sun", 1.0)]], ["sky"])


def test_batches_of_other_vocabularies_do_not_join():
    with pytest.raises(ImprintError, match="different vocabularies"):
        join_tags([tags_from_words([[("a", 1.0)]]), tags_from_words([[("b", 1.0)]])])
