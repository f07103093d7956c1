import json

import numpy as np
import pytest

from imprint.commands.annotate import CloudTags
from imprint.core.errors import ImprintError
from imprint.data.sources.composite import composite
from imprint.data.tags.annotation import tags_from_words
from imprint.data.tags.tag_table import tabulate_tags
from imprint.report.tag_clouds import most_telling_classes, tag_cloud
from imprint.study.tables import read_table

WORDS = [["sea", "sky"]] * 20 + [["sky", "tree"]] * 20 + [["sky"]] * 20
TAGS = tags_from_words([[(word, 1.0) for word in each] for each in WORDS])
TABLE = tabulate_tags(TAGS, np.repeat([0, 1, 2], 20), ("boat", "bird", "car"))


def test_the_most_telling_classes_come_first():
    assert most_telling_classes(TABLE, 2) == [0, 1]
    assert most_telling_classes(TABLE, 9) == [0, 1, 2]


def test_a_cloud_colours_what_is_more_frequent_than_elsewhere():
    cloud = tag_cloud(TABLE, 0, "boat", 0)
    assert {word.text: (word.weight, word.colour) for word in cloud.words} == {
        "sea": (20.0, "target"),
        "sky": (20.0, "muted"),
    }
    assert "sea in 100.0%" in cloud.description


@pytest.fixture
def tags(tmp_path):
    images = composite(40)
    entries = [
        {
            "image_path": images.name_of(index),
            "tags": [f"own {images.classes[images.labels[index]]}", "all"],
            "scores": [0.9, 0.5],
        }
        for index in range(40)
    ]
    (tmp_path / "tags.json").write_text(json.dumps(entries))
    return tmp_path / "tags.json"


def test_the_command_writes_table_and_clouds_the_same_each_time(tags, tmp_path, capsys):
    outs = [tmp_path / "one", tmp_path / "two"]
    for out in outs:
        written = CloudTags(out=out, composite_count=40, tags=tags, clouds=3).run()
    assert (written.images, written.clouds) == (40, 3)
    assert "40 images, 3 word clouds" in capsys.readouterr().out
    names = sorted(path.name for path in (outs[0] / "tag_clouds" / "clouds").iterdir())
    assert len(names) == 6
    assert {name.rsplit(".", 1)[1] for name in names} == {"png", "svg"}
    assert {name.rsplit(".", 1)[0] for name in names} <= set(composite(40).classes)
    for name in ("tags.parquet", "tags.csv", *(f"clouds/{name}" for name in names)):
        first, second = (out / "tag_clouds" / name for out in outs)
        assert first.read_bytes() == second.read_bytes()
    table = read_table(outs[0] / "tag_clouds" / "tags.parquet")
    own = np.char.startswith(table["tag"].astype(str), "own")
    assert (table["lift_low"][own] > 1).all()
    assert (table["lift_low"][~own] <= 1).all()


def test_only_the_highest_scoring_tags_are_counted_on_wish(tags, tmp_path):
    CloudTags(out=tmp_path / "out", composite_count=40, tags=tags, clouds=0, top_tags=1).run()
    table = read_table(tmp_path / "out" / "tag_clouds" / "tags.parquet")
    assert "all" not in table["tag"].tolist()


def test_tags_of_other_images_are_refused(tmp_path):
    (tmp_path / "tags.csv").write_text("image,tag,score\nelse/1.png,sea,0.5\n")
    with pytest.raises(ImprintError, match="has tags of 1 images, but none of"):
        CloudTags(out=tmp_path / "out", composite_count=20, tags=tmp_path / "tags.csv").run()
