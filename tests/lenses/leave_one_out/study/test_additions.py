import numpy as np
import pytest

from imprint.study.tables import read_table
from tests.lenses.leave_one_out.study.query_refits import ask, at, kl, law


def test_records_added_are_what_refits_with_them_say(data, tmp_path):
    root, arrays = data
    x, y, labels = arrays["x"], arrays["y"], np.array([3, 1, 3])
    more = ["--add", root / "add.npz", "--queries", root / "queries.npz"]
    shown = ask(root, tmp_path / "out", *more)["additions"]
    folder = tmp_path / "out" / "leave_one_out" / "additions"
    table = read_table(folder / "additions.parquet")
    for row, new in enumerate(arrays["new"]):
        larger = np.vstack([x, new]), np.append(y, labels[row])
        out, within = law(x, y, new[None]), law(*larger, new[None])
        assert table["kl_out_in"][row] == pytest.approx(kl(out, within), rel=1e-9)
        own = int(labels[row] == 3)
        assert table["memorization"][row] == pytest.approx((within[0] - out[0])[0, own])
        assert table["prediction_out"][row] == out[0][0].argmax()
        out, within = law(x, y, arrays["queries"]), law(*larger, arrays["queries"])
        expected = [kl(at(out, q), at(within, q)) for q in range(4)]
        np.testing.assert_allclose(np.load(folder / "kl_out_in.npy")[row], expected, rtol=1e-7)
        np.testing.assert_allclose(
            np.load(folder / "shift.npy")[row], within[0] - out[0], atol=1e-12
        )
    assert [row["label"] for row in shown["first"]] == ["3", "1", "3"]
