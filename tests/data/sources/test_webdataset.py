"""Shards against the same images as a folder; labels, parts, patterns; what is refused."""

from __future__ import annotations

import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.files import in_memory
from imprint.data.geometry import whole_rectangles
from imprint.data.imageset import ImageSet
from imprint.data.open import inspect_images, open_images
from tests.data.one_set import (
    CLASSES,
    as_folder,
    as_shards,
    jpeg,
    members_of,
    samples,
    write_tar,
)

IMAGES = samples()


def squares(images, size=9):
    rows = np.arange(len(images))
    return images.read(rows, whole_rectangles(images.sizes()), size)


@pytest.mark.parametrize("label", ["cls", "json", "txt"])
def test_shards_give_what_the_folder_gives(tmp_path, label):
    folder = open_images(as_folder(tmp_path / "folder", IMAGES))
    images = open_images(as_shards(tmp_path / "shards", IMAGES, label=label))
    assert isinstance(images, ImageSet)
    assert images.classes == CLASSES == folder.classes
    np.testing.assert_array_equal(images.labels, folder.labels)
    np.testing.assert_array_equal(images.sizes(), folder.sizes())
    np.testing.assert_array_equal(squares(images), squares(folder))
    assert [images.name_of(row) for row in range(12)] == [folder.name_of(row) for row in range(12)]
    assert images.fingerprint() == folder.fingerprint()
    np.testing.assert_array_equal(in_memory(images).pixels, in_memory(folder).pixels)


def test_a_pattern_a_folder_and_one_shard(tmp_path):
    as_shards(tmp_path, IMAGES, shards=3)
    pattern = open_images(Path(f"{tmp_path}/s-{{000..002}}.tar"))
    assert pattern.fingerprint() == open_images(tmp_path).fingerprint()
    assert pattern.name == "s-{000..002}.tar"
    assert len(open_images(tmp_path / "s-001.tar")) == 4
    assert len(open_images(Path(f"{tmp_path}/s-{{000,002}}.tar"))) == 8


def test_a_missing_shard_of_a_range_is_named(tmp_path):
    as_shards(tmp_path, IMAGES, shards=2)
    with pytest.raises(ImprintError, match=r"2 of 4 shards are missing, .*s-002\.tar first"):
        open_images(Path(f"{tmp_path}/s-{{000..003}}.tar"))


def test_parts_are_folders_or_words_in_names(tmp_path):
    as_shards(tmp_path / "a" / "train", IMAGES[:6])
    as_shards(tmp_path / "a" / "val", IMAGES[6:])
    as_shards(tmp_path / "b", IMAGES[:6], stem="pets-train")
    as_shards(tmp_path / "b", IMAGES[6:], stem="pets-val")
    for root in (tmp_path / "a", tmp_path / "b"):
        assert len(open_images(root)) == 6
        assert open_images(root).labels.tolist() == [0, 0, 0, 0, 1, 1]
        assert open_images(root, part="val").labels.tolist() == [1, 1, 2, 2, 2, 2]
        with pytest.raises(ImprintError, match="no shards of part 'test'"):
            open_images(root, part="test")


def test_names_that_return_in_another_shard_carry_its_name(tmp_path):
    for shard in "ab":
        write_tar(tmp_path / f"{shard}.tar", {"0.jpg": IMAGES[0].content, "0.cls": b"0"})
    images = open_images(tmp_path)
    assert [images.name_of(row) for row in range(2)] == ["a/0.jpg", "b/0.jpg"]


def test_numbers_are_called_by_a_file_by_json_or_as_they_are(tmp_path):
    as_shards(tmp_path / "json", IMAGES, label="json")
    assert open_images(tmp_path / "json").classes == CLASSES
    as_shards(tmp_path / "cls", IMAGES)
    (tmp_path / "cls" / "classes.txt").unlink()
    assert open_images(tmp_path / "cls").classes == ("0", "1", "2")


def test_corrupt_images_are_left_out(tmp_path):
    images = [*IMAGES[:5], IMAGES[5]._replace(content=b"\xff\xd8 not much"), *IMAGES[6:]]
    as_shards(tmp_path, images)
    with pytest.raises(ImprintError, match=r"cannot read the image dog/0005\.jpg in .*s-000\.tar"):
        open_images(tmp_path).sizes()
    opened = inspect_images(tmp_path, skip_corrupt=True)
    assert opened.corrupt.tolist() == [5]
    assert opened.images.sizes()[5].tolist() == [0, 0]
    assert opened.images.fingerprint() != open_images(tmp_path).fingerprint()


def test_boxes_are_looked_up_by_name(tmp_path):
    as_shards(tmp_path / "shards", IMAGES)
    (tmp_path / "boxes").mkdir()
    (tmp_path / "boxes" / "0003.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    images = open_images(tmp_path / "shards", boxes=tmp_path / "boxes")
    assert images.boxes()[3].tolist() == [[5, 4, 15, 12]]


def test_a_set_travels_to_other_processes(tmp_path):
    images = open_images(as_shards(tmp_path, IMAGES))
    whole = squares(images)
    np.testing.assert_array_equal(squares(pickle.loads(pickle.dumps(images))), whole)


def test_a_shard_that_changes_is_not_read(tmp_path):
    images = open_images(as_shards(tmp_path, IMAGES))
    write_tar(tmp_path / "s-001.tar", members_of(IMAGES[3:]))
    with pytest.raises(ImprintError, match=r"s-001\.tar was changed while it was in use"):
        squares(images)


def link(kind):
    member = tarfile.TarInfo("0.jpg")
    member.type, member.linkname = kind, "/etc/passwd"
    return member


REFUSED = {
    "no class": ([("0.jpg", b"x")], "0.jpg in .* has no class: expected KEY.cls"),
    "twice": ([("0.jpg", b"x"), ("0.jpg", b"y"), ("0.cls", b"0")], "'0.jpg' more than once"),
    "two images": ([("0.jpg", b"x"), ("0.png", b"y"), ("0.cls", b"0")], "several images of one"),
    "absolute": ([("/0.jpg", b"x"), ("/0.cls", b"0")], "'/0.jpg', a path that leads out of it"),
    "dots": ([("../0.jpg", b"x"), ("../0.cls", b"0")], "a path that leads out of it"),
    "no image": ([("0.cls", b"0")], "holds no image"),
    "mixed": (
        [("0.jpg", b"x"), ("0.cls", b"0"), ("1.jpg", b"y"), ("1.cls", b"cat")],
        "classes are numbers, such as 0, but also 'cat'",
    ),
    "too large": ([("0.jpg", b"x"), ("0.cls", b"100000")], "label 100000 is too large"),
    "no json": ([("0.jpg", b"x"), ("0.json", b"{")], "'0.json', which is not JSON"),
    "deep json": ([("0.jpg", b"x"), ("0.json", b"[" * 100_000)], "'0.json', which is not JSON"),
    "long": ([("0.jpg", b"x"), ("0.cls", b"7" * 2000)], "2,000 bytes, too long a label"),
    "binary": ([("0.jpg", b"x"), ("0.cls", b"\xff\xfe")], "'0.cls', which is not UTF-8 text"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_meant_is_refused(tmp_path, case):
    members, message = REFUSED[case]
    write_tar(tmp_path / "s.tar", members)
    with pytest.raises(ImprintError, match=message):
        open_images(tmp_path / "s.tar")


def test_captions_are_not_classes(tmp_path):
    draw = np.random.default_rng(1)
    members = {}
    for row in range(4):
        members |= {f"{row}.jpg": jpeg(draw), f"{row}.txt": f"a photograph, {row}".encode()}
    write_tar(tmp_path / "s.tar", members)
    with pytest.raises(ImprintError, match="hold captions rather than classes, 4 different ones"):
        open_images(tmp_path / "s.tar")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_are_refused(tmp_path, kind):
    with tarfile.open(tmp_path / "s.tar", "w") as archive:
        archive.addfile(link(kind))
        archive.addfile(tarfile.TarInfo("0.cls"), io.BytesIO())
    with pytest.raises(ImprintError, match=r"s\.tar holds '0.jpg', which is a link"):
        open_images(tmp_path / "s.tar")


def test_archives_beside_class_folders_do_not_count(tmp_path):
    as_folder(tmp_path, IMAGES)
    write_tar(tmp_path / "backup.tar", {"0.jpg": b"x"})
    assert len(open_images(tmp_path)) == 12


def test_what_was_listed_is_kept_until_a_shard_changes(tmp_path, monkeypatch):
    from imprint.data.shards import kept_samples
    from tests.data.one_set import age

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("imprint.data.encoded.user_cache.SETTLED_NS", -(10**18))
    root = as_shards(tmp_path / "set", IMAGES)
    age(root)
    read = []
    plain = kept_samples.read_samples
    monkeypatch.setattr(
        kept_samples, "read_samples", lambda shard: (read.append(shard.name), plain(shard))[1]
    )
    first = open_images(root)
    assert sorted(read) == ["s-000.tar", "s-001.tar"]
    again = open_images(root)
    assert len(read) == 2
    assert again.fingerprint() == first.fingerprint()
    np.testing.assert_array_equal(again.contents.offsets, first.contents.offsets)
    write_tar(root / "s-001.tar", members_of(IMAGES[8:]))
    assert len(open_images(root)) == 10
    assert read[2:] == ["s-001.tar"]


def test_a_list_that_leads_beyond_the_shard_is_made_anew(tmp_path, monkeypatch):
    from imprint.data.encoded import user_cache
    from imprint.data.shards import kept_samples

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("imprint.data.encoded.user_cache.SETTLED_NS", -(10**18))
    shard = write_tar(tmp_path / "s.tar", members_of(IMAGES))
    whole = open_images(shard, layout="webdataset").contents.offsets
    kept = user_cache.read_kept("shards", str(shard.resolve()), kept_samples._VERSION)
    assert kept is not None
    for wrong in (-1, 10**12, 2**63 - 1):
        changed = [kept[0], kept[1].copy(), *kept[2:]]
        changed[1][0, 0] = wrong
        user_cache.keep("shards", str(shard.resolve()), kept_samples._VERSION, changed)
        np.testing.assert_array_equal(open_images(shard).contents.offsets, whole)
