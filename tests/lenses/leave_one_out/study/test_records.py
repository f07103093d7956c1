from pathlib import Path

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.options import RecordOptions
from imprint.lenses.leave_one_out.study.records import fitted_data, read_records


@pytest.fixture
def file(tmp_path):
    x = np.arange(24.0).reshape(8, 3)
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(8) % 2 + 3, queries=x[:2])
    return tmp_path / "a.npz"


def test_arrays_give_records_and_queries(file):
    options = RecordOptions(out=Path("out"), arrays=file, records=5)
    inputs, images, queries = read_records(options)
    assert images is None
    assert queries.queries.shape == (2, 3)
    assert (len(inputs.index), inputs.classes) == (5, ("3", "4"))
    np.testing.assert_array_equal(inputs.values[:, 0], 3.0 * inputs.index)
    data = fitted_data(options, inputs, None)
    assert (data.name, data.records, data.class_names) == ("a", 5, ("3", "4"))


def test_images_give_pictures_between_0_and_1(tmp_path):
    options = RecordOptions(out=tmp_path, composite_count=12, input_size=4, scaling="unit")
    inputs, images, queries = read_records(options)
    assert queries is None
    assert inputs.values.shape[1:] == (3, 4, 4)
    assert 0 <= inputs.values.min() <= inputs.values.max() <= 1
    data = fitted_data(options, inputs, images)
    assert (data.images, data.fingerprint) == (12, images.fingerprint())


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"scaling": "unit"}, "--scaling applies to images, not to --arrays"),
        ({"composite_count": 50}, "--composite-count applies to images"),
    ],
)
def test_options_of_images_are_refused_beside_arrays(file, more, message):
    with pytest.raises(ImprintError, match=message):
        read_records(RecordOptions(out=Path("out"), arrays=file, **more))


def test_the_channel_axis_is_refused_beside_images(tmp_path):
    with pytest.raises(ImprintError, match="--channels applies to --arrays, not to images"):
        read_records(RecordOptions(out=tmp_path, composite_count=12, channels="last"))
