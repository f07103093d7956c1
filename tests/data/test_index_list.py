import numpy as np
import pytest
from PIL import Image

from imprint.core.errors import ImprintError
from imprint.data.index_list import (
    read_held_out,
    read_index_list,
    read_indices,
    write_index_list,
)
from imprint.data.open import open_images
from imprint.data.sources.composite import composite


def test_a_list_comes_back_sorted_and_each_once(tmp_path):
    write_index_list(tmp_path / "list.npy", np.array([5, 2, 5, 9]))
    found = read_index_list(tmp_path / "list.npy")
    assert found.dtype == np.int64
    assert found.tolist() == [2, 5, 9]


def test_the_published_shape_is_read(tmp_path):
    """Of the shape, type and range of the shipped list (dejavu spec §7.6)."""
    random = np.random.default_rng(0)
    indices = np.sort(random.choice(1_274_148, 3214, replace=False)).astype(np.int64)
    np.save(tmp_path / "dataset_level_correlations_indices.npy", indices)
    found = read_index_list(tmp_path / "dataset_level_correlations_indices.npy")
    assert (found == indices).all()


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        (np.array([3, 1]), "1 follows 3 in row 1"),
        (np.array([3, 3]), "3 follows 3"),
        (np.array([-1, 3]), "indices start at 0"),
        (np.array([1.0, 2.0]), "int64"),
        (np.array([1, 2], dtype=np.int32), "int64"),
        (np.array([[1, 2]]), "one row"),
    ],
)
def test_other_lists_are_refused(tmp_path, indices, message):
    np.save(tmp_path / "list.npy", indices)
    with pytest.raises(ImprintError, match=message):
        read_index_list(tmp_path / "list.npy")


def test_what_is_no_list_is_refused(tmp_path):
    (tmp_path / "list.npy").write_text("1 2 3")
    for name in ("list.npy", "none.npy"):
        with pytest.raises(ImprintError, match=r"is not an \.npy file|No such file"):
            read_index_list(tmp_path / name)


def test_a_folder_of_images_in_place_of_a_list_says_what_to_give(tmp_path):
    for read in (read_index_list, lambda file: read_indices(file, composite(10))):
        with pytest.raises(ImprintError, match=r"is a folder: give an \.npy file of image indices"):
            read(tmp_path)


def test_pickles_are_not_opened(tmp_path):
    np.save(tmp_path / "list.npy", np.array([{"a": 1}], dtype=object))
    with pytest.raises(ImprintError, match="pickled objects"):
        read_index_list(tmp_path / "list.npy")


def test_images_are_held_out_or_trained_on_but_not_both(tmp_path):
    images, file = composite(20), tmp_path / "held_out.npy"
    trained = np.arange(5, 20)
    assert read_held_out(None, images, trained).tolist() == [0, 1, 2, 3, 4]
    np.save(file, np.array([3, 1]))
    assert read_held_out(file, images, trained).tolist() == [3, 1]
    np.save(file, np.array([3, 7]))
    with pytest.raises(ImprintError, match="holds out image 7, which is trained on"):
        read_held_out(file, images, trained)


def test_indices_of_corrupt_images_alone_are_refused(tmp_path):
    folder = tmp_path / "set" / "photos"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(b"no image")
    Image.new("RGB", (4, 4)).save(folder / "b.png")
    images = open_images(tmp_path / "set", skip_corrupt=True)
    np.save(tmp_path / "corrupt.npy", np.array([0]))
    with pytest.raises(ImprintError, match="names only images of set that cannot be decoded"):
        read_indices(tmp_path / "corrupt.npy", images)
    np.save(tmp_path / "both.npy", np.array([0, 1]))
    assert read_indices(tmp_path / "both.npy", images).tolist() == [1]
