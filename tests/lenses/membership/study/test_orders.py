import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.imageset import ArrayImages
from imprint.lenses.membership.study.orders import read_order
from imprint.study.json_io import write_json
from imprint.study.tables import write_table


@pytest.fixture
def images():
    pixels = np.random.default_rng(0).integers(0, 256, (6, 3, 4, 4), dtype=np.uint8)
    return ArrayImages(pixels, np.arange(6) % 2, ("a", "b"))


def test_an_order_is_read_from_a_cohort_by_rising_memorization(tmp_path, images):
    write_json(tmp_path / "summary.json", {"data": {"fingerprint": images.fingerprint()}})
    columns = {"index": np.array([1, 3, 4, 5]), "memorization": np.array([0.5, 0.1, np.nan, 0.1])}
    (tmp_path / "membership").mkdir()
    write_table(tmp_path / "membership" / "records.parquet", columns)
    assert read_order(tmp_path, images).tolist() == [3, 5, 1]
    write_json(tmp_path / "summary.json", {"data": {"fingerprint": "other"}})
    with pytest.raises(ImprintError, match="other images"):
        read_order(tmp_path, images)


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (np.array([0, 6]), "names image 6"),
        (np.array([0, 0]), "twice"),
        (np.array([0.5]), "whole numbers"),
        (np.array([[1]]), "whole numbers"),
    ],
)
def test_a_file_that_is_no_order_is_an_error(tmp_path, images, order, message):
    np.save(tmp_path / "order.npy", order)
    with pytest.raises(ImprintError, match=message):
        read_order(tmp_path / "order.npy", images)
