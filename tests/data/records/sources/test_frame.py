"""Data frames, mappings and array files."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from imprint.core.errors import ImprintError
from imprint.data.records.open_records import as_records
from imprint.data.records.records import ImageRows
from imprint.observation.gather import gather_audit

pandas = pytest.importorskip("pandas", reason="needs the extra frames")


def frame() -> Any:
    return pandas.DataFrame(
        {"a": [1, 2, 3], "b": [0.5, 1, 2], "site": ["x", "y", "x"], "kind": ["u", "v", "u"]}
    )


@pytest.mark.parametrize("as_arrow", [False, True])
def test_frame_by_named_columns(as_arrow: bool) -> None:
    source = pa.Table.from_pandas(frame()) if as_arrow else frame()
    records = as_records(source, "kind", groups="site")
    assert records.inputs.read(np.arange(3)).tolist() == [[1, 0.5], [2, 1], [3, 2]]
    assert records.classes == ("u", "v")
    with pytest.raises(ImprintError, match="no column 'colour': it has a, b, site, kind"):
        as_records(source, "colour")


def test_pair_of_frame_and_series() -> None:
    records = as_records((frame()[["a", "b"]], frame()["kind"]))
    assert (records.inputs.shape, records.classes) == ((2,), ("u", "v"))


def test_estimator_that_was_fitted_on_a_frame() -> None:
    table = frame()[["a", "b", "kind"]]
    model = LogisticRegression().fit(table[["a", "b"]], table["kind"])
    audited = gather_audit(model, table, table)
    assert audited.predict(audited.members, np.arange(3)).shape == (3, 2)


def test_two_columns_of_one_name_and_categories() -> None:
    twice = pandas.DataFrame([[1, 2, 0]], columns=["a", "a", "y"])
    with pytest.raises(ImprintError, match="two columns 'a'"):
        as_records(twice)
    categories = frame().assign(site=pandas.Categorical(["x", "y", "x"]))
    assert as_records(categories, "kind", groups="site").groups is not None


def test_data_set_of_scikit_learn() -> None:
    records = as_records(load_iris())
    assert (len(records), records.classes[0]) == (150, "setosa")


def test_array_files_of_inputs_and_of_images(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", inputs=np.eye(3), targets=[0.5, 1, 1], groups=["a", "b", "b"])
    records = as_records(tmp_path / "t.npz")
    assert (records.task, records.inputs.shape) == ("regression", (3,))
    np.savez(tmp_path / "i.npz", images=np.zeros((3, 8, 8, 3), np.uint8), labels=[0, 1, 1])
    images = as_records(tmp_path / "i.npz", image_size=4)
    assert isinstance(images.inputs, ImageRows)
    assert images.inputs.shape == (3, 4, 4)
    np.savez(tmp_path / "f.npz", images=np.zeros((3, 3, 8, 8)), labels=[0, 1, 1])
    assert as_records(tmp_path / "f.npz").images is None
    np.savez(tmp_path / "o.npz", inputs=np.array([{}], dtype=object))
    with pytest.raises(ImprintError, match="pickled objects"):
        as_records(tmp_path / "o.npz")
