import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.study.tables import read_table
from tests.lenses.leave_one_out.study.query_refits import ask, at, kl, law


def test_groups_of_ones_own_are_what_refits_without_them_say(data, tmp_path):
    root, arrays = data
    x, y = arrays["x"], arrays["y"]
    more = ["--groups", root / "groups.npz", "--queries", root / "queries.npz"]
    shown = ask(root, tmp_path / "out", *more)["groups"]
    folder = tmp_path / "out" / "leave_one_out" / "groups"
    table = read_table(folder / "groups.parquet")
    assert table["group"].tolist() == ["2", "7"]
    for row, gone in enumerate(([3, 8], [0, 3, 5])):
        rest = np.delete(np.arange(14), gone)
        out, within = law(x[rest], y[rest], x[gone]), law(x, y, x[gone])
        assert table["kl_out_in"][row] == pytest.approx(kl(out, within), rel=1e-9)
        assert table["kl_in_out"][row] == pytest.approx(kl(within, out), rel=1e-9)
        shift, own = within[0] - out[0], (y[gone] == 3).astype(int)
        assert table["mean_distance"][row] == pytest.approx(0.5 * (shift**2).mean(), rel=1e-9)
        signed = shift[np.arange(len(gone)), own]
        assert table["memorization"][row] == pytest.approx(signed.mean(), rel=1e-9)
        assert table["accuracy_out"][row] == (out[0].argmax(1) == own).mean()
        out, within = law(x[rest], y[rest], arrays["queries"]), law(x, y, arrays["queries"])
        expected = [kl(at(out, q), at(within, q)) for q in range(4)]
        np.testing.assert_allclose(np.load(folder / "kl_out_in.npy")[row], expected, rtol=1e-8)
        shift = within[0] - out[0]
        np.testing.assert_allclose(np.load(folder / "shift.npy")[row], shift, atol=1e-12)
        influence = shift[np.arange(4), [0, 1, 1, 0]]
        np.testing.assert_allclose(np.load(folder / "influence.npy")[row], influence, atol=1e-12)
    assert shown["first"][1]["records"] == 3
    assert shown["first"][1]["kl_out_in"] == table["kl_out_in"][1]


def test_classes_and_copies_are_groups(data, tmp_path):
    root, arrays = data
    shown = ask(root, tmp_path / "classes", "--groups", "classes")["groups"]["first"]
    assert [(row["group"], row["records"]) for row in shown] == [
        (name, int((arrays["y"] == int(name)).sum())) for name in ("1", "3")
    ]
    # Without its whole class, no record is taken for one of it.
    assert [row["accuracy_out"] for row in shown] == [0, 0]
    shown = ask(root, tmp_path / "copies", "--groups", "copies")["groups"]["first"]
    assert [(row["group"], row["records"]) for row in shown] == [("8", 2)]
    records = read_table(root / "fit" / "leave_one_out" / "records.parquet")
    assert shown[0]["kl_out_in"] == pytest.approx(records["kl_out_in"][8], rel=1e-9)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"index": [0, 99], "group": [1, 1]}, "index 99 is not a record"),
        ({"index": [0, 0], "group": [1, 1]}, "group 1 has a record twice"),
        ({"index": [0, 1], "group": [1]}, r"group has shape \[1\], expected \[2\]"),
        ({"index": [], "group": []}, "index is empty"),
        ({"index": [0]}, "no array 'group'"),
    ],
)
def test_groups_that_are_none(content, message, data, tmp_path):
    root, _ = data
    np.savez(tmp_path / "groups.npz", **{name: np.array(v, int) for name, v in content.items()})
    with pytest.raises(ImprintError, match=message):
        ask(root, tmp_path / "out", "--groups", tmp_path / "groups.npz")
    assert not (tmp_path / "out").exists()
