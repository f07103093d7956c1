import json

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.tags.annotation import tags_from_words
from imprint.data.tags.tag_files import (
    find_tag_files,
    read_frequencies,
    read_tags,
    write_frequencies,
    write_labels,
)

NAMES = ["n01/n01_1.JPEG", "n01/n01_2.JPEG", "n02/n02_7.JPEG"]
CLASSES = ("n01", "n02")
TITLES = ("tench", "gold fish")
LABELS = np.array([0, 0, 1])
TAGS = tags_from_words([[("water", 0.9), ("hand", 0.5)], [], [("water", 0.25)]])


def test_the_taggers_files_come_back(tmp_path):
    write_labels(tmp_path / "labels", TAGS, NAMES, LABELS, CLASSES, TITLES)
    assert {file.name for file in (tmp_path / "labels").iterdir()} == {
        "n01_tench_labels.json",
        "n02_gold fish_labels.json",
    }
    first = json.loads((tmp_path / "labels" / "n01_tench_labels.json").read_text())
    assert first[0] == {
        "image_path": "n01/n01_1.JPEG",
        "tags": ["water", "hand"],
        "scores": [0.9, 0.5],
    }
    for place in (tmp_path, tmp_path / "labels"):
        found = read_tags(place, NAMES)
        assert [found.words(row) for row in range(3)] == [TAGS.words(row) for row in range(3)]


def test_files_outside_the_folder_of_labels_are_not_read(tmp_path):
    (tmp_path / "a_labels.json").write_text("[]")
    (tmp_path / "labels").mkdir()
    (inside := tmp_path / "labels" / "b_labels.json").write_text("[]")
    assert find_tag_files(tmp_path) == find_tag_files(tmp_path / "labels") == [inside]
    assert find_tag_files(inside) == [inside]


def test_frequencies_are_counts_and_sums_of_scores(tmp_path):
    write_frequencies(tmp_path, TAGS, LABELS, CLASSES, TITLES)
    first = json.loads((tmp_path / "n01_tench_freq.json").read_text())
    assert first == {"hand": [1, 0.5], "water": [1, 0.9]}
    vocabulary, counts = read_frequencies(tmp_path, CLASSES)
    assert vocabulary == ("hand", "water")
    assert counts.tolist() == [[1, 0], [1, 1]]


def test_a_class_whose_name_starts_another_is_distinguished(tmp_path):
    write_frequencies(tmp_path, TAGS, LABELS, ("cat", "cat_fish"))
    _, counts = read_frequencies(tmp_path, ("cat", "cat_fish"))
    assert counts.tolist() == [[1, 0], [1, 1]]


def test_a_table_is_read_by_file_name(tmp_path, capsys):
    file = tmp_path / "tags.csv"
    file.write_text("image,tag,score\ncrops/n01_1.png,sky,0.5\nn01_1,sea,\nn01_1,sky,0.7\n")
    found = read_tags(file, NAMES)
    assert dict(found.words(0)) == {"sky": 0.7, "sea": 1.0}
    assert found.words(1) == []
    assert "no tags of 2 of 3 images" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("tags.csv", "picture,word\na,b\n", r"tag and score \('image' is missing\)"),
        ("tags.csv", "image,tag,score\nn01_1,sky,much\n", "columns image, tag and score"),
        ("tags.json", '[{"tags": ["a"]}]', "must hold a list"),
        (
            "tags.json",
            '[{"image_path": "n01_1", "tags": ["a"], "scores": []}]',
            "has 1 tags and other",
        ),
        ("tags.json", '[{"image_path": "n01_1", "tags": "sky"}]', "must be a list of words"),
        ("tags.json", '[{"image_path": "n01_1", "tags": [1]}]', "must be a list of words"),
        ("tags.json", '[{"image_path": 1, "tags": ["a"]}]', "image_path must be text"),
        ("tags.json", '{"image_path": "n01_1"}', "must hold a list"),
        ("tags.csv", "image,tag,score\nn01_1,sky,nan\n", "score nan is no finite number"),
        ("tags.json", "[", r"is damaged .*: write it again"),
        ("tags.txt", "n01_1 sky", r"\.csv and \.json"),
        ("tags.csv", "image,tag,score\nother,sky,1\n", "none of n01/n01_1.JPEG or the others"),
    ],
)
def test_other_files_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(ImprintError, match=message):
        read_tags(tmp_path / name, NAMES)


def test_missing_files_are_rejected(tmp_path):
    with pytest.raises(ImprintError, match="no tags at"):
        read_tags(tmp_path / "tags.csv", NAMES)
    with pytest.raises(ImprintError, match=r"no \*_labels.json"):
        read_tags(tmp_path, NAMES)
    with pytest.raises(ImprintError, match=r"no \*_freq.json"):
        read_frequencies(tmp_path, CLASSES)
    (tmp_path / "n09_x_freq.json").write_text("{}")
    with pytest.raises(ImprintError, match="belongs to none of the classes"):
        read_frequencies(tmp_path, CLASSES)


REPEATED = ["cat/1.png", "dog/1.png", "dog/2.png"]


def test_classes_may_repeat_the_names_of_files(tmp_path):
    tags = tags_from_words([[("fur", 0.5)], [("grass", 0.25)], []])
    write_labels(tmp_path / "labels", tags, REPEATED, np.array([0, 1, 1]), ("cat", "dog"))
    found = read_tags(tmp_path, REPEATED)
    assert [found.words(row) for row in range(3)] == [tags.words(row) for row in range(3)]
    assert read_tags(tmp_path, REPEATED[1:]).words(0) == [("grass", 0.25)]


def test_a_file_name_of_two_images_is_refused(tmp_path):
    (tmp_path / "tags.csv").write_text("image,tag,score\n1,sky,1\n")
    with pytest.raises(ImprintError, match=r"'1' may be cat/1.png or dog/1.png"):
        read_tags(tmp_path / "tags.csv", REPEATED)


def test_tags_of_another_class_are_not_taken_for_a_file_of_the_same_name(tmp_path):
    (tmp_path / "tags.csv").write_text("image,tag,score\ndog/7.png,sky,1\ncat/1.png,fur,1\n")
    found = read_tags(tmp_path / "tags.csv", ["cat/7.png", "dog/1.png", "cat/1.png"])
    assert [found.words(row) for row in range(3)] == [[], [], [("fur", 1.0)]]
