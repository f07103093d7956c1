import json

import numpy as np
import pytest

from imprint.cli import main
from imprint.data.split import load_partition


@pytest.fixture
def data(tmp_path):
    """Two classes of six 40 × 20 images; the first four of each are annotated.

    Beside the box (10, 0, 20, 20) the slab from x = 20 is 20 × 20; around the box that covers all
    but a column there is nothing.
    """
    labels = np.repeat([0, 1], 6)
    boxes = np.tile([10, 0, 20, 20], (12, 1))
    boxes[[4, 5, 10, 11]] = -1
    boxes[3] = [1, 0, 40, 20]
    pixels = np.random.default_rng(0).integers(0, 256, (12, 3, 20, 40), dtype=np.uint8)
    file = tmp_path / "set.npz"
    np.savez(file, images=pixels, labels=labels, boxes=boxes, classes=["cat", "dog"])
    return file


def told_json(capsys):
    return json.loads(capsys.readouterr().out)


def test_describe_counts_what_was_put_in(data, tmp_path, capsys):
    words = ["data", "describe", "--data", str(data), "--out", str(tmp_path / "out")]
    main([*words, "--min-crop-px", "8", "--json"])
    facts = told_json(capsys)
    assert json.loads((tmp_path / "out" / "data.json").read_text()) == facts
    assert (facts["name"], facts["images"], facts["channels"]) == ("set", 12, 3)
    assert facts["sizes"]["smallest"] == facts["sizes"]["largest"] == [40, 20]
    assert facts["classes"]["images"] == {"cat": 6, "dog": 6}
    assert facts["classes"]["annotated"] == {"cat": 4, "dog": 4}
    assert facts["boxes"] == {
        "images": 8,
        "images_without": 4,
        "boxes": 8,
        "most_in_one_image": 1,
    }
    for rule in ("slab", "maxrect"):
        assert facts["crops"][rule]["usable"] == 7
        assert facts["crops"][rule]["median_shorter_side"] == 20
        assert facts["crops"][rule]["reasons"] == {"crop too small": 1, "no box": 4}
    assert facts["crops"]["corner"]["usable"] == 12
    assert facts["crops"]["corner"]["median_shorter_side"] == pytest.approx(6)


def test_describe_for_people(data, tmp_path, capsys):
    main(["data", "describe", "--data", str(data), "--out", str(tmp_path / "out")])
    told = capsys.readouterr().out
    assert told.startswith("set: 12 images, 40 × 20 pixels, 3 channels\n")
    assert "8 in 8 images" in told
    assert "7 usable, median shorter side 20 px" in told


def test_describe_the_embedded_set(tmp_path, capsys):
    words = ["--composite-count", "20", "--out", str(tmp_path / "out"), "--json"]
    main(["data", "describe", *words])
    facts = told_json(capsys)
    assert (facts["name"], facts["images"], facts["boxes"]["boxes"]) == ("composite", 20, 20)


def split_words(data, out, *more):
    return ["data", "split", "--data", str(data), "--out", str(out), "--json", *more]


def test_split_by_hand(data, tmp_path, capsys):
    out = tmp_path / "out"
    main(split_words(data, out, "--per-class", "1,3"))
    facts = told_json(capsys)
    assert facts["sizes"]["3"] == {
        "bbox_A": 4,
        "bbox_B": 4,
        "shared": 2,
        "train": 6,
        "public": 2,
        "smallest_public_class": 1,
    }
    assert facts["val_set"] == 2
    large = load_partition(out / "split", 3)
    assert large.bbox_a.tolist() == [0, 1, 6, 7]
    assert large.bbox_b.tolist() == [2, 3, 8, 9]
    assert large.shared.tolist() == [4, 10]
    assert large.public.tolist() == [5, 11]
    small = load_partition(out / "split", 1)
    assert small.train_a.tolist() == [0, 6]
    assert set(large.public) < set(small.public)
    raw = np.load(out / "split" / "3_per_class" / "train_B.npy")
    assert raw.dtype == np.int64
    assert raw.tolist() == [2, 3, 8, 9, 4, 10]


def test_the_same_split_is_not_made_twice_and_another_is_refused(data, tmp_path, capsys):
    out = tmp_path / "out"
    main(split_words(data, out, "--per-class", "2"))
    first = told_json(capsys)
    main(split_words(data, out, "--per-class", "2"))
    assert told_json(capsys) == first
    with pytest.raises(SystemExit) as left:
        main(split_words(data, out, "--per-class", "3"))
    assert left.value.code == 2
    assert "was made with other settings" in capsys.readouterr().err


def test_a_shuffled_split_depends_on_the_seed_alone(data, tmp_path, capsys):
    parts = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        main(split_words(data, tmp_path / name, "--per-class", "2", "--shuffle", "--seed", seed))
        parts.append(load_partition(tmp_path / name / "split", 2))
    capsys.readouterr()
    assert parts[0].train_a.tolist() == parts[1].train_a.tolist()
    assert parts[0].train_a.tolist() != parts[2].train_a.tolist()


def test_every_image_counts_as_annotated_without_boxes(data, tmp_path, capsys):
    main(split_words(data, tmp_path / "out", "--per-class", "2", "--without-boxes"))
    facts = told_json(capsys)
    assert facts["sizes"]["2"]["shared"] == 0
    assert facts["sizes"]["2"]["public"] == 4


@pytest.mark.parametrize(
    ("arrays", "words", "message"),
    [
        (
            {"labels": [0, 0, 0, 0, 1]},
            ["--without-boxes", "--per-class", "1"],
            "class '1' has 1 annotated",
        ),
        ({"labels": [0] * 5}, ["--per-class", "1"], "x has no object boxes"),
        ({"labels": [0] * 5}, ["--without-boxes", "--per-class", "0"], "sizes are 0"),
    ],
)
def test_mistakes_write_nothing(tmp_path, capsys, arrays, words, message):
    np.savez(tmp_path / "x.npz", images=np.zeros((5, 1, 4, 4), np.uint8), **arrays)
    with pytest.raises(SystemExit) as left:
        main(split_words(tmp_path / "x.npz", tmp_path / "out", *words))
    assert left.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out" / "split").exists()


@pytest.fixture
def texts(tmp_path):
    for part, content in (("train", "a good film"), ("test", "other words")):
        for name in ("neg", "pos"):
            folder = tmp_path / "imdb" / part / name
            folder.mkdir(parents=True)
            (folder / "0_1.txt").write_text(f"{content} {name}")
    return tmp_path / "imdb"


def vocabulary_words(texts, *more):
    return ["data", "vocabulary", "--data", str(texts), "--out", str(texts), *more]


def test_the_vocabulary_is_of_training_texts(texts, capsys):
    main(vocabulary_words(texts, "--words", "4", "--length", "6"))
    assert "4 words, 87.5% of all in 2 texts" in capsys.readouterr().out
    assert json.loads((texts / "vocabulary.json").read_text()) == {
        "words": ["a", "film", "good", "neg"],
        "length": 6,
    }


def test_another_vocabulary_is_not_replaced(texts, capsys):
    main(vocabulary_words(texts))
    main(vocabulary_words(texts))
    with pytest.raises(SystemExit) as ended:
        main(vocabulary_words(texts, "--words", "2"))
    assert ended.value.code == 2
    assert "holds another vocabulary" in capsys.readouterr().err


def test_texts_without_words_have_no_vocabulary(texts, capsys):
    for file in texts.glob("train/*/*.txt"):
        file.write_text("… !")
    with pytest.raises(SystemExit):
        main(vocabulary_words(texts))
    assert "the 2 texts in" in capsys.readouterr().err
    assert not (texts / "vocabulary.json").exists()
