"""Which files make up a part."""

from __future__ import annotations

import pytest

from imprint.core.errors import ImprintError
from imprint.data.tables.part_files import is_dataset, part_files


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def names_of(root, part=None):
    chosen = part_files(root, part)
    return chosen.part, [file.relative_to(root).as_posix() for file in chosen.files]


def test_files_of_the_hub_in_order(tmp_path):
    root = touch(
        tmp_path,
        "data/train-00001-of-00002.parquet",
        "data/train-00000-of-00002.parquet",
        "data/test-00000-of-00001-0123456789abcdef.parquet",
        "README.md",
    )
    train = ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"]
    assert names_of(root) == ("train", train)
    assert names_of(root, "test")[1] == ["data/test-00000-of-00001-0123456789abcdef.parquet"]
    assert is_dataset(root)


def test_converted_files_and_several_sets(tmp_path):
    root = touch(tmp_path / "a", "plain/train/0000.parquet", "plain/train/0001.parquet")
    assert names_of(root)[1] == ["plain/train/0000.parquet", "plain/train/0001.parquet"]
    touch(root, "other/train/0000.parquet")
    with pytest.raises(ImprintError, match="holds several sets, other, plain: give the folder"):
        part_files(root, None)
    assert names_of(root / "other") == ("train", ["train/0000.parquet"])


def test_a_part_without_train_is_chosen_by_name(tmp_path):
    root = touch(tmp_path, "a.parquet", "b.parquet")
    with pytest.raises(ImprintError, match="no part train: choose one with --part, a, b"):
        part_files(root, None)
    assert names_of(root, "b") == ("b", ["b.parquet"])
    with pytest.raises(ImprintError, match="is one part and has no part 'x'"):
        part_files(root / "a.parquet", "x")


def test_other_folders_are_none(tmp_path):
    assert not is_dataset(tmp_path)
    assert not is_dataset(tmp_path / "absent")
    with pytest.raises(ImprintError, match="holds no Arrow or Parquet files"):
        part_files(tmp_path, None)
