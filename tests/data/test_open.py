import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imprint.core.errors import ImprintError
from imprint.data.files import usable_indices
from imprint.data.open import inspect_images, notices, open_images


@pytest.fixture
def root(tmp_path):
    """Two classes of three 8 × 8 JPEGs."""
    for name in ("a/0", "a/1", "a/2", "b/0", "b/1", "b/2"):
        file = tmp_path / "data" / f"{name}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (200, 100, 50)).save(file)
    return tmp_path / "data"


def put_box(folder, name, box, size=(8, 8)):
    x0, y0, x1, y1 = box
    file = folder / f"{name}.xml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size>"
        f"<object><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax>"
        "</bndbox></object></annotation>"
    )


def test_boxes_kept_apart(root, tmp_path):
    put_box(tmp_path / "boxes", "a/1", (0, 0, 3, 3))
    put_box(tmp_path / "boxes", "b/2", (1, 2, 8, 8))
    images = open_images(root, boxes=tmp_path / "boxes")
    assert [len(table) for table in images.boxes()] == [0, 1, 0, 0, 0, 1]
    assert images.boxes()[5].tolist() == [[1, 2, 8, 8]]
    assert images.boxes()[5].dtype == np.int64
    assert images.fingerprint() != open_images(root).fingerprint()


def test_images_without_a_box_file_are_counted_once(root, tmp_path, capsys):
    for name in ("a/0", "a/1", "a/2", "b/0"):
        put_box(tmp_path / "boxes", name, (0, 0, 3, 3))
    open_images(root, boxes=tmp_path / "boxes")
    assert capsys.readouterr().err == (
        "data: boxes read as Pascal VOC: 4 boxes in 4 images\n"
        "data: 2 of 6 images have no box file\n"
    )
    open_images(root)
    assert capsys.readouterr().err == ""


def test_a_bad_box_stops_or_is_clamped_and_named(root, tmp_path, capsys):
    put_box(tmp_path / "boxes", "a/1", (0, 0, 9, 3))
    put_box(tmp_path / "boxes", "b/0", (5, 0, 2, 3))
    put_box(tmp_path / "boxes", "b/1", (0, 0, 2, 3), size=(80, 80))
    with pytest.raises(ImprintError, match=r"^a/1\.jpg: box \(0, 0, 9, 3\) reaches out"):
        open_images(root, boxes=tmp_path / "boxes")
    assert capsys.readouterr().err == ""
    images = open_images(root, boxes=tmp_path / "boxes", on_bad_box="clamp")
    assert images.boxes()[1].tolist() == [[0, 0, 8, 3]]
    assert [len(table) for table in images.boxes()] == [0, 1, 0, 0, 0, 0]
    told = capsys.readouterr().err
    assert "1 of 6 images had a box cut to the image: a/1.jpg\n" in told
    assert "2 of 6 images lost an annotation that cannot be repaired: b/0.jpg, b/1.jpg\n" in told


def test_a_malformed_box_file_is_named(root, tmp_path):
    put_box(tmp_path / "boxes", "a/1", (0, 0, 3, 3))
    (tmp_path / "boxes" / "a" / "2.xml").write_text("<annotation>")
    with pytest.raises(ImprintError, match=r"2\.xml is not well-formed XML"):
        open_images(root, boxes=tmp_path / "boxes")


def test_arrays_cannot_have_boxes_by_name(tmp_path):
    np.savez(tmp_path / "x.npz", images=np.zeros((1, 1, 4, 4), np.uint8), labels=[0])
    with pytest.raises(ImprintError, match="put the boxes into the array file"):
        open_images(tmp_path / "x.npz", boxes=tmp_path)


def truncate(file):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG")
    file.write_bytes(buffer.getvalue()[:1500])


def test_corrupt_images_are_left_out_without_renumbering(root, tmp_path, capsys):
    truncate(root / "a" / "1.jpg")
    (root / "b" / "2.jpg").write_bytes(b"")
    for name in ("a/0", "a/1", "b/1"):
        put_box(tmp_path / "boxes", name, (0, 0, 3, 3))
    opened = inspect_images(root, boxes=tmp_path / "boxes", skip_corrupt=True)
    assert opened.corrupt.tolist() == [1, 5]
    assert len(opened.images) == 6
    assert usable_indices(opened.images).tolist() == [0, 2, 3, 4]
    assert [len(table) for table in opened.images.boxes()] == [1, 0, 0, 0, 1, 0]
    assert opened.images.sizes()[[1, 5]].tolist() == [[0, 0], [0, 0]]
    assert notices(opened) == [
        "data: 2 of 6 images left out, cannot be decoded: a/1.jpg, b/2.jpg",
        "data: boxes read as Pascal VOC: 2 boxes in 2 images",
        "data: 3 of 6 images have no box file",
    ]
    assert capsys.readouterr().err == ""


def test_without_skipping_the_corrupt_image_is_named_when_read(root):
    truncate(root / "a" / "1.jpg")
    images = open_images(root)
    with pytest.raises(ImprintError, match=r"cannot decode the image .*a/1\.jpg"):
        images.read(np.array([0, 1]), np.array([[0.0, 0, 8, 8]] * 2), 4)


def test_nothing_left_after_skipping(root):
    for file in root.rglob("*.jpg"):
        file.write_bytes(b"nothing")
    with pytest.raises(ImprintError, match="none of the 6 images"):
        open_images(root, skip_corrupt=True)


def test_many_names_are_cut_short(root):
    for number in range(12):
        (root / "a" / f"x{number}.jpg").write_bytes(b"")
    told = notices(inspect_images(root, skip_corrupt=True))
    assert len(told) == 1
    assert told[0].endswith("a/x7.jpg and 2 more")


@pytest.mark.parametrize(
    ("prepare", "options", "message"),
    [
        (lambda root: root.mkdir(), {"part": "../x"}, r"^'../x' is no part of .*data"),
        (lambda root: None, {}, r"^no data at .*data: check the path$"),
        (lambda root: root.mkdir(), {}, r"data is empty: check the path$"),
        (
            lambda root: (root / "a").mkdir(parents=True),
            {},
            r"^cannot tell how .*data is laid out: none of .*CLASS/NAME\.jpg \(folder\)",
        ),
        (lambda root: root.write_text("x"), {}, "^cannot tell how"),
        (lambda root: root.mkdir(), {"layout": "pascal"}, "unknown data layout 'pascal': choose"),
    ],
)
def test_where_there_are_no_images(tmp_path, prepare, options, message):
    prepare(tmp_path / "data")
    with pytest.raises(ImprintError, match=message):
        open_images(tmp_path / "data", **options)


def test_a_name_on_the_hub_is_no_folder():
    with pytest.raises(ImprintError, match=r"^no data at cifar10: hf: is followed by a folder"):
        open_images(Path("hf:cifar10"))


def test_headers_are_read_once(root, tmp_path, monkeypatch):
    put_box(tmp_path / "boxes", "a/1", (0, 0, 3, 3))
    images = open_images(root, boxes=tmp_path / "boxes")
    monkeypatch.setattr("imprint.data.encoded.contents.header_size", None)
    assert images.sizes().tolist() == [[8, 8]] * 6
