import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.retraining_options import ComparisonOptions, RetrainingOptions
from imprint.lenses.leave_one_out.study.compare import compare_study
from imprint.lenses.leave_one_out.study.retrained_data import read_retrained_data
from imprint.study.tables import read_table
from imprint.train.retrain_options import RetrainOptions

ROWS, QUERIES, SIDE = 14, 3, 16
LENET = RetrainOptions(architecture="lenet", epochs=2, batch_size=4, learning_rate=0.05)


def arrays(**changes):
    random = np.random.default_rng(0)
    values = {
        "x": random.normal(size=(ROWS, SIDE, SIDE, 1)),
        "y": np.where(np.arange(ROWS) % 2, 7, 4),
        "queries": random.normal(size=(QUERIES, SIDE, SIDE, 1)),
        "query_labels": np.array([7, 4, 4]),
    }
    values |= changes
    return {name: value for name, value in values.items() if value is not None}


def options(folder, changes=None, **further) -> RetrainingOptions:
    np.savez(folder / "data.npz", **arrays(**changes or {}))
    settings = {"records": 12, "removed": 2, "pairs": 6, "queries": 3, "device": "cpu"}
    settings |= {"train": LENET, **further}
    return ComparisonOptions(
        out=folder / "study", arrays=folder / "data.npz", json=True, **settings
    )


def test_images_in_arrays_come_channels_first_with_their_own_queries(tmp_path) -> None:
    data = read_retrained_data(options(tmp_path))
    assert data.inputs.shape == (15, 1, SIDE, SIDE)
    assert data.classes == ("4", "7")
    assert data.labels[12:].tolist() == [1, 0, 0]
    assert data.index[12:].tolist() == [14, 15, 16]
    x = arrays()["x"]
    np.testing.assert_array_equal(data.inputs[0, 0], x[data.index[0], :, :, 0])


def test_records_are_held_out_where_a_file_has_no_queries(tmp_path) -> None:
    chosen = options(tmp_path, {"queries": None, "query_labels": None}, records=500)
    data = read_retrained_data(chosen)
    assert (data.records, len(data.index)) == (11, 14)
    assert len(set(data.index.tolist())) == 14


def test_fully_connected_networks_take_rows_of_any_shape(tmp_path) -> None:
    data = read_retrained_data(options(tmp_path, train=RetrainOptions(width=8)))
    assert data.inputs.shape == (15, SIDE * SIDE)


def test_lenet_on_arrays_is_compared_with_every_kind_of_estimate(tmp_path) -> None:
    chosen = options(
        tmp_path,
        removed=4,
        subsets=4,
        subset_networks=2,
        kernel="rbf",
        estimators=("gradient_dot", "tracin", "ekfac", "trak"),
    )
    lens = compare_study(chosen)["lenses"]["leave_one_out"]
    assert lens["retraining"]["networks"]["architecture"] == "lenet"
    rows = lens["comparison"]["estimators"]
    assert list(rows) == ["lood_rbf_0.05", "gradient_dot", "tracin", "ekfac", "trak"]
    assert all("value" in row["datamodeling"] for row in rows.values())
    table = read_table(tmp_path / "study/comparison/records.parquet")
    assert len(table["index"]) == 4
    assert sorted(path.name for path in (tmp_path / "study/logits/halves").glob("*.npy")) == [
        f"{half}.npy" for half in range(4)
    ]


@pytest.mark.parametrize(
    ("changes", "further", "message"),
    [
        ({"query_labels": None}, {}, "give query_labels"),
        ({"query_labels": np.array([7, 4, 5])}, {}, r"query_labels\[2\] is 5, not one of the 2"),
        ({"queries": np.ones((3, 8, 8, 1))}, {}, "give inputs of one shape"),
        ({"x": np.ones((ROWS, 4))}, {}, r"save them as \[n, C, S, S\]"),
        ({"x": np.ones((ROWS, 16, 20, 1))}, {}, "networks take square ones"),
        ({"x": np.ones((ROWS, 4, 16, 20))}, {}, "give --channels first or --channels last"),
        ({"x": np.full((ROWS, 16, 16, 1), np.nan)}, {}, r"x\[0, 0, 0, 0\] is nan"),
        ({"y": np.zeros(ROWS, dtype=int)}, {}, "networks need 2 or more"),
        ({}, {"removed": 15, "records": 20}, "leave 14 to train on and 15 to remove"),
        ({}, {"scaling": "standardised"}, "--scaling applies to images, not to --arrays"),
        ({}, {"data": "folder"}, "--data applies to images, not to --arrays"),
        ({}, {"match_to": "relu"}, "--match-to applies to fully connected networks"),
        ({}, {"lines": 1}, "--lines applies to fully connected networks"),
        ({}, {"train": RetrainOptions(architecture="nonsense")}, "nonsense"),
        ({}, {"train": RetrainOptions(), "channels": "last"}, "--channels applies to networks"),
    ],
)
def test_arrays_that_cannot_be_used_are_refused_before_any_training(
    changes, further, message, tmp_path
) -> None:
    with pytest.raises(ImprintError, match=message):
        compare_study(options(tmp_path, changes, **{"removed": 2, **further}))
    assert not (tmp_path / "study/logits").exists()
