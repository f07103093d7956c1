import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.data.tags.annotation import tags_from_words
from imprint.data.tags.tag_table import COLUMNS, read_tag_table, tabulate_tags, write_tag_table
from imprint.study.tables import read_table

WORDS = [["sea", "sky"], ["sea"], ["sky"], [], ["tree"]]
LABELS = np.array([0, 0, 1, 1, 1])
CLASSES = ["boat", "bird", "none"]


def table_of(words, labels=LABELS, classes=CLASSES):
    tags = tags_from_words([[(word, 1.0) for word in each] for each in words])
    return tabulate_tags(tags, labels, classes)


def rows(table):
    return [
        (table.classes[label], table.vocabulary[tag], int(count), int(pictures), int(elsewhere))
        for label, tag, count, pictures, elsewhere in zip(
            table.label, table.tag, table.count, table.pictures, table.elsewhere, strict=True
        )
    ]


def test_tags_are_counted_by_class_the_most_frequent_first():
    table = table_of(WORDS)
    assert rows(table) == [
        ("boat", "sea", 2, 2, 0),
        ("boat", "sky", 1, 2, 1),
        ("bird", "sky", 1, 3, 1),
        ("bird", "tree", 1, 3, 0),
    ]
    np.testing.assert_allclose(table.share, [1, 1 / 2, 1 / 3, 1 / 3])
    np.testing.assert_allclose(table.share_elsewhere, [0, 1 / 3, 1 / 2, 0])
    assert table.rows_of(1).tolist() == [2, 3]


@given(st.lists(st.tuples(st.sets(st.sampled_from("abcd")), st.integers(0, 2)), max_size=12))
def test_counts_agree_with_a_loop_over_pictures(pictures):
    words = [sorted(each) for each, _ in pictures]
    labels = np.array([label for _, label in pictures], dtype=np.int64)
    expected = {}
    for each, label in pictures:
        for word in each:
            expected[CLASSES[label], word] = expected.get((CLASSES[label], word), 0) + 1
    table = table_of(words, labels)
    assert {(name, word): count for name, word, count, *_ in rows(table)} == expected


def test_a_class_with_a_tag_of_its_own_is_the_most_telling():
    words = [["own", "all"]] * 30 + [["all"]] * 30 + [["all", "rare"]] + [["all"]] * 29
    telling = table_of(words, np.repeat([0, 1, 2], 30)).telling()
    assert telling[0] > 0.5
    assert telling[1:].tolist() == [0, 0]


def test_the_table_is_written_as_parquet_and_csv_and_read_back(tmp_path):
    table = table_of(WORDS)
    write_tag_table(tmp_path, table)
    parquet = read_table(tmp_path / "tags.parquet")
    with (tmp_path / "tags.csv").open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert list(lines[0]) == list(COLUMNS)
    assert (
        [line["tag"] for line in lines] == parquet["tag"].tolist() == ["sea", "sky", "sky", "tree"]
    )
    np.testing.assert_allclose([float(line["lift"]) for line in lines], parquet["lift"])
    back = read_tag_table(tmp_path, CLASSES)
    assert rows(back) == rows(table)
    np.testing.assert_array_equal(back.lift, table.lift)


def test_half_a_surrogate_pair_can_be_written(tmp_path):
    write_tag_table(tmp_path, table_of([["\ud800x"], [], [], [], []]))
    assert read_table(tmp_path / "tags.parquet")["tag"].tolist() == ["?x"]


def test_labels_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ImprintError, match=r"tags of 5 pictures need as many labels in 0…2"):
        table_of(WORDS, LABELS + 2)
    write_tag_table(tmp_path, table_of(WORDS))
    with pytest.raises(ImprintError, match="is of other classes than these"):
        read_tag_table(tmp_path, ["boat"])
