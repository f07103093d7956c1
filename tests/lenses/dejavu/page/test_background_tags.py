import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.tags.annotation import tags_from_words
from imprint.data.tags.tag_table import tabulate_tags, write_tag_table
from imprint.lenses.dejavu.page.background_tags import (
    background_tags,
    tags_table,
    tags_verdict,
)
from imprint.report.blocks import Part, draw_block

CLASSES = ("boat", "bird", "car")
TELLING = [["sea", "sky"]] * 20 + [["sky", "tree"]] * 20 + [["sky"]] * 20
LABELS = np.repeat([0, 1, 2], 20)


def table_of(words):
    tags = tags_from_words([[(word, 1.0) for word in each] for each in words])
    return tabulate_tags(tags, LABELS, CLASSES)


def test_the_most_telling_pair_is_named_with_its_lift_and_interval():
    sentence = tags_verdict(table_of(TELLING))
    # 20.5 / 20.5 over 0.5 / 40.5
    assert sentence.startswith("Behind boat, “sea” is 81 times as frequent as behind other classes")
    assert "the most telling of 5 pairs of class and tag. 2 pairs are" in sentence


def test_words_that_tell_nothing_are_said_to_tell_nothing():
    sentence = tags_verdict(table_of([["sky"]] * 60))
    assert sentence.startswith("No tag is more frequent in a class than elsewhere beyond noise")


def test_the_table_lists_the_most_telling_tags_of_each_class():
    records = tags_table(table_of(TELLING)).records()
    assert [(row["class"], row["tag"]) for row in records] == [
        ("boat", "sea"), ("bird", "tree"), ("car", "sky"),
    ]  # fmt: skip
    assert (records[0]["crops"], records[0]["share_elsewhere"]) == (20, 0)
    assert records[0]["lift_low"] < records[0]["lift"] < records[0]["lift_high"]


def test_the_part_holds_clouds_of_the_most_telling_classes(tmp_path):
    assert background_tags(tmp_path / "none", CLASSES) == []
    write_tag_table(tmp_path, table_of(TELLING))
    (part,) = background_tags(tmp_path, CLASSES)
    assert isinstance(part, Part)
    page = str(draw_block(part))
    assert page.count("<figure>") == 3
    assert "Word cloud of boat" in page


def test_hostile_words_stay_words(tmp_path):
    write_tag_table(tmp_path, table_of([["<script>alert(1)</script>" * 20]] * 20 + [["\x07"]] * 40))
    page = str(draw_block(background_tags(tmp_path, CLASSES)[0]))
    assert "<script" not in page


def test_a_table_of_other_classes_is_refused(tmp_path):
    write_tag_table(tmp_path, table_of(TELLING))
    with pytest.raises(ImprintError, match="is of other classes than these"):
        background_tags(tmp_path, CLASSES[:1])
