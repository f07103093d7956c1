"""Images out of TFRecords; those that need TensorFlow run where it is installed."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.data.geometry import whole_rectangles
from imprint.data.open import inspect_images
from imprint.data.sources.tfrecords import find_shards, read_records


@pytest.fixture
def tensorflow():
    return pytest.importorskip("tensorflow")


def encoded(value, kind="JPEG", mode="RGB"):
    """An image whose red channel tells it: 20 × its value."""
    colour = (20 * value, 0, 0)
    image = Image.new("RGB", (8, 8), colour)
    if mode == "CMYK":
        image = Image.new("CMYK", (8, 8), (255 - 20 * value, 255, 255, 0))
    file = io.BytesIO()
    image.save(file, kind, quality=100)
    return file.getvalue()


def example(tensorflow, index, label, name, content, synset=None):
    train = tensorflow.train

    def integers(value):
        return train.Feature(int64_list=train.Int64List(value=[value]))

    def text(value):
        return train.Feature(bytes_list=train.BytesList(value=[value]))

    features = {
        "index": integers(index),
        "image/class/label": integers(label),
        "image/filename": text(name.encode()),
        "image/encoded": text(content),
    }
    if synset:
        features["image/class/synset"] = text(synset.encode())
    return train.Example(features=train.Features(feature=features)).SerializeToString()


def put_shard(tensorflow, file, examples):
    file.parent.mkdir(exist_ok=True)
    with tensorflow.io.TFRecordWriter(str(file)) as writer:
        for content in examples:
            writer.write(content)


@pytest.fixture
def shards(tensorflow, tmp_path):
    """Seven training images in the order of their classes, whose indices are in another."""
    folder = tmp_path / "shards"
    order = [4, 0, 6, 2, 1, 5, 3]
    content = {5: encoded(5, "PNG"), 3: encoded(3, mode="CMYK")}
    records = []
    for place, index in enumerate(order):
        label = 1 + place // 4
        synset = f"n0000000{label}"
        records.append(
            example(
                tensorflow,
                index,
                label,
                f"{synset}_{place}.JPEG",
                content.get(index, encoded(index)),
                synset,
            )
        )
    put_shard(tensorflow, folder / "train-00000-of-00002", records[:3])
    put_shard(tensorflow, folder / "train-00001-of-00002", records[3:])
    tests = [example(tensorflow, 1 - i, 1 + i, f"v{i}.JPEG", encoded(8 + i)) for i in range(2)]
    put_shard(tensorflow, folder / "validation-00000-of-00001", tests)
    return folder


def told(capsys):
    return json.loads(capsys.readouterr().out)


def reds(images):
    indices = np.arange(len(images))
    pixels = images.read(indices, whole_rectangles(images.sizes()), 4)
    return (pixels[:, 0, 0, 0] / 20).round().astype(int).tolist()


def test_the_stored_index_is_the_index_of_the_image(shards, tmp_path, capsys):
    words = ["data", "unpack", "--tfrecords", str(shards), "--out", str(tmp_path / "out"), "--json"]
    main(words)
    facts = told(capsys)
    root = tmp_path / "out" / "images"
    assert facts == {"images": str(root), "train": 7, "val": 2}
    opened = inspect_images(root)
    assert opened.layout == "imagenet_index"
    # Gray levels tell the index, so a PNG under .JPEG and a CMYK image are read as colours too.
    assert reds(opened.images) == list(range(7))
    assert opened.images.labels.tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert opened.images.classes == ("n00000001", "n00000002")
    test = inspect_images(root, part="val").images
    assert (reds(test), test.labels.tolist()) == ([9, 8], [1, 0])
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}
    main(words)
    assert told(capsys) == facts
    assert before == {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


def test_a_run_that_was_cut_short_writes_only_what_is_missing(shards, tmp_path, monkeypatch):
    words = ["data", "unpack", "--tfrecords", str(shards), "--out", str(tmp_path / "out")]

    def cut_short(shard):
        yield from read_records(shard)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("imprint.data.sources.tfrecords.read_records", cut_short)
        with pytest.raises(SystemExit):
            main(words)
    assert not (tmp_path / "out" / "images").exists()
    (part,) = (tmp_path / "out").glob(".images.*.part")
    written = {path.name: path.stat().st_mtime_ns for path in part.rglob("*.JPEG")}
    assert len(written) == 3
    torn = next(part.rglob("*.JPEG"))
    whole = torn.read_bytes()
    torn.write_bytes(whole[:20])
    main(words)
    files = {path.name: path for path in (tmp_path / "out" / "images").rglob("*.JPEG")}
    assert len(files) == 9
    assert files[torn.name].read_bytes() == whole
    for name in written.keys() - {torn.name}:
        assert files[name].stat().st_mtime_ns == written[name]


def test_the_bytes_are_those_of_the_record(shards, tmp_path):
    main(["data", "unpack", "--tfrecords", str(shards), "--out", str(tmp_path / "out")])
    for shard in sorted(shards.glob("train-*")):
        for record in read_records(shard):
            file = tmp_path / "out" / "images" / "train" / record.folder / record.name
            assert file.read_bytes() == record.content


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ((0, 0, "a.JPEG"), "label 0 is impossible"),
        ((-1, 1, "a.JPEG"), "index -1"),
        ((0, 1, ".."), "is not a file name"),
        ((0, 1, "a.txt"), "does not end as images do"),
        ((0, 1, "n0_1.JPEG"), "is duplicated"),
        ((5, 1, "a.JPEG"), "hold 2 images, but none of index 1"),
    ],
)
def test_records_that_cannot_be_are_refused(tensorflow, tmp_path, capsys, record, message):
    index, label, name = record
    examples = [
        example(tensorflow, 0, 1, "n0_1.JPEG", encoded(1)),
        example(tensorflow, index, label, name, encoded(2)),
    ]
    put_shard(tensorflow, tmp_path / "s" / "train-00000-of-00001", examples)
    with pytest.raises(SystemExit) as left:
        main(["data", "unpack", "--tfrecords", str(tmp_path / "s"), "--out", str(tmp_path / "out")])
    assert left.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out" / "images").exists()


def test_a_synset_cannot_lead_out_of_the_folder(tensorflow, tmp_path):
    shard = tmp_path / "train-00000-of-00001"
    put_shard(tensorflow, shard, [example(tensorflow, 0, 1, "a.JPEG", b"x", "../../n01")])
    with pytest.raises(ImprintError, match="is no name of a file"):
        list(read_records(shard))


def test_a_damaged_shard_is_rejected(shards):
    shard = shards / "train-00001-of-00002"
    shard.write_bytes(shard.read_bytes()[:-5])
    with pytest.raises(ImprintError, match="train-00001-of-00002 is damaged"):
        list(read_records(shard))


def test_a_missing_value_is_rejected(tensorflow, tmp_path):
    shard = tmp_path / "train-00000-of-00001"
    put_shard(tensorflow, shard, [tensorflow.train.Example().SerializeToString()])
    with pytest.raises(ImprintError, match=r"record 0 has 0 values of index"):
        list(read_records(shard))


def test_missing_shards_are_rejected(tmp_path):
    with pytest.raises(ImprintError, match="holds no shards"):
        find_shards(tmp_path)
    for number in (0, 3):
        (tmp_path / f"train-{number:05d}-of-00004").touch()
    with pytest.raises(
        ImprintError, match=r"lacks 2 of 4 shards train-\*-of-00004 \(the first is 1"
    ):
        find_shards(tmp_path)
    for number in (1, 2):
        (tmp_path / f"train-{number:05d}-of-00004").touch()
    (tmp_path / "notes-of-none").touch()
    assert [path.name[6:11] for path in find_shards(tmp_path)["train"]] == [
        "00000",
        "00001",
        "00002",
        "00003",
    ]
