"""Groups, additions and records at one another from the command line, against real refits."""

import json

import numpy as np
import pytest

from imprint.cli import run
from imprint.core.errors import ImprintError
from imprint.report.wording import significant
from imprint.study.tables import read_table

NOISE = 0.1


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("asked")
    random = np.random.default_rng(5)
    x = random.normal(size=(14, 5))
    x[9] = x[8]
    arrays = {"x": x, "y": 2 * (x[:, 0] > 0) + 1, "new": random.normal(size=(3, 5))}
    arrays["asked"] = random.normal(size=(4, 5))
    np.savez(root / "fit.npz", x=x, y=arrays["y"])
    np.savez(root / "add.npz", x=arrays["new"], y=[3, 1, 3])
    np.savez(root / "queries.npz", queries=arrays["asked"], query_labels=[1, 3, 3, 1])
    np.savez(root / "groups.npz", index=[0, 3, 5, 3, 8], group=[7, 7, 7, 2, 2])
    fit = ["leave-one-out", "fit", "--arrays", str(root / "fit.npz"), "--kernel", "rbf"]
    run([*fit, "--noise", str(NOISE), "--out", str(root / "fit"), "--json"])
    return root, arrays


def ask(root, out, *more):
    start = ["leave-one-out", "query", "--fit", str(root / "fit"), "--out", str(out), "--json"]
    return run([*start, *map(str, more)])


def law(x, labels, asked):
    """Mean [q, 2] and covariance [q, q] of an explicit fit."""

    def kernel(one, other):
        return np.exp(-((one[:, None] - other[None]) ** 2).mean(2))

    targets = np.eye(2)[(labels == 3).astype(int)] - 0.5
    cross = kernel(asked, x)
    solved = np.linalg.solve(kernel(x, x) + NOISE * np.eye(len(x)), cross.T).T
    return solved @ targets, kernel(asked, asked) - solved @ cross.T


def kl(one, other):
    (mean, covariance), (other_mean, other_covariance) = one, other
    shift = mean - other_mean
    inside = np.linalg.solve(other_covariance, covariance)
    distance = np.einsum("qc,qr,rc->", shift, np.linalg.inv(other_covariance), shift)
    spread = np.trace(inside) - len(mean) - np.linalg.slogdet(inside)[1]
    return 0.5 * (mean.shape[1] * spread + distance)


def at(whole, query):
    return whole[0][[query]], whole[1][np.ix_([query], [query])]


def test_groups_of_ones_own_are_what_refits_without_them_say(data, tmp_path):
    root, arrays = data
    x, y = arrays["x"], arrays["y"]
    more = ["--groups", root / "groups.npz", "--queries", root / "queries.npz"]
    told = ask(root, tmp_path / "out", *more)["groups"]
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
        out, within = law(x[rest], y[rest], arrays["asked"]), law(x, y, arrays["asked"])
        expected = [kl(at(out, q), at(within, q)) for q in range(4)]
        np.testing.assert_allclose(np.load(folder / "kl_out_in.npy")[row], expected, rtol=1e-8)
        shift = within[0] - out[0]
        np.testing.assert_allclose(np.load(folder / "shift.npy")[row], shift, atol=1e-12)
        influence = shift[np.arange(4), [0, 1, 1, 0]]
        np.testing.assert_allclose(np.load(folder / "influence.npy")[row], influence, atol=1e-12)
    assert told["first"][1]["records"] == 3
    assert told["first"][1]["kl_out_in"] == table["kl_out_in"][1]


def test_classes_and_copies_are_groups(data, tmp_path):
    root, arrays = data
    told = ask(root, tmp_path / "classes", "--groups", "classes")["groups"]["first"]
    assert [(row["group"], row["records"]) for row in told] == [
        (name, int((arrays["y"] == int(name)).sum())) for name in ("1", "3")
    ]
    # Without its whole class, no record is taken for one of it.
    assert [row["accuracy_out"] for row in told] == [0, 0]
    told = ask(root, tmp_path / "copies", "--groups", "copies")["groups"]["first"]
    assert [(row["group"], row["records"]) for row in told] == [("8", 2)]
    records = read_table(root / "fit" / "leave_one_out" / "records.parquet")
    assert told[0]["kl_out_in"] == pytest.approx(records["kl_out_in"][8], rel=1e-9)


def test_records_added_are_what_refits_with_them_say(data, tmp_path):
    root, arrays = data
    x, y, labels = arrays["x"], arrays["y"], np.array([3, 1, 3])
    more = ["--add", root / "add.npz", "--queries", root / "queries.npz"]
    told = ask(root, tmp_path / "out", *more)["additions"]
    folder = tmp_path / "out" / "leave_one_out" / "additions"
    table = read_table(folder / "additions.parquet")
    for row, new in enumerate(arrays["new"]):
        larger = np.vstack([x, new]), np.append(y, labels[row])
        out, within = law(x, y, new[None]), law(*larger, new[None])
        assert table["kl_out_in"][row] == pytest.approx(kl(out, within), rel=1e-9)
        own = int(labels[row] == 3)
        assert table["memorization"][row] == pytest.approx((within[0] - out[0])[0, own])
        assert table["prediction_out"][row] == out[0][0].argmax()
        out, within = law(x, y, arrays["asked"]), law(*larger, arrays["asked"])
        expected = [kl(at(out, q), at(within, q)) for q in range(4)]
        np.testing.assert_allclose(np.load(folder / "kl_out_in.npy")[row], expected, rtol=1e-7)
        np.testing.assert_allclose(
            np.load(folder / "shift.npy")[row], within[0] - out[0], atol=1e-12
        )
    assert [row["label"] for row in told["first"]] == ["3", "1", "3"]


def test_records_at_one_another_are_what_refits_say(data, tmp_path):
    root, arrays = data
    x, y = arrays["x"], arrays["y"]
    told = ask(root, tmp_path / "out", "--among-records")["among_records"]
    folder = tmp_path / "out" / "leave_one_out" / "among_records"
    found, influence = (np.load(folder / f"{name}.npy") for name in ("kl_out_in", "influence"))
    within, own = law(x, y, x), (y == 3).astype(int)
    for gone in range(14):
        rest = np.delete(np.arange(14), gone)
        out = law(x[rest], y[rest], x)
        expected = [kl(at(out, q), at(within, q)) for q in range(14)]
        np.testing.assert_allclose(found[gone], expected, rtol=1e-7, atol=1e-12)
        shift = (within[0] - out[0])[np.arange(14), own]
        np.testing.assert_allclose(influence[gone], shift, atol=1e-12)
    beside = np.where(np.eye(14, dtype=bool), -1, found)
    first = told["most"][0]
    # Records 8 and 9 are copies of one another, in either order.
    assert {first["removed"], first["asked"]} == {8, 9}
    assert first["kl_out_in"] == beside.max() == beside[first["removed"], first["asked"]]
    assert len(told["most"]) == 20


def test_what_was_asked_before_stays_in_the_summary_and_on_the_page(data, tmp_path):
    root, _ = data
    out = tmp_path / "out"
    ask(root, out, "--groups", "classes")
    page = (out / "report.html").read_text()
    assert 'id="leave-one-out-groups"' in page
    assert "Queries of a finished fit" in page
    ask(root, out, "--add", root / "add.npz")
    ask(root, out, "--among-records")
    lens = json.loads((out / "summary.json").read_text())["lenses"]["leave_one_out"]
    assert set(lens) == {"groups", "additions", "among_records"}
    page = (out / "report.html").read_text()
    for part in ("groups", "additions", "among"):
        assert f'id="leave-one-out-{part}"' in page


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"index": [0, 99], "group": [1, 1]}, "index 99 is none of the records"),
        ({"index": [0, 0], "group": [1, 1]}, "group 1 has a record twice"),
        ({"index": [0, 1], "group": [1]}, r"group has shape \[1\], expected \[2\]"),
        ({"index": [], "group": []}, "index is empty"),
        ({"index": [0]}, "no array 'group'"),
    ],
)
def test_groups_that_are_none(content, told, data, tmp_path):
    root, _ = data
    np.savez(tmp_path / "groups.npz", **{name: np.array(v, int) for name, v in content.items()})
    with pytest.raises(ImprintError, match=told):
        ask(root, tmp_path / "out", "--groups", tmp_path / "groups.npz")
    assert not (tmp_path / "out").exists()


def test_other_mistakes(data, tmp_path):
    root, arrays = data
    with pytest.raises(ImprintError, match="nothing to query: give --queries, --groups"):
        ask(root, tmp_path / "out")
    with pytest.raises(ImprintError, match="no arrays at nonsense"):
        ask(root, tmp_path / "out", "--groups", "nonsense")
    np.savez(tmp_path / "add.npz", x=arrays["new"], y=[3, 1, 2])
    with pytest.raises(ImprintError, match=r"y\[2\] is 2, none of the classes"):
        ask(root, tmp_path / "out", "--add", tmp_path / "add.npz")
    np.savez(tmp_path / "add.npz", x=arrays["new"][:, :3], y=[3, 1, 1])
    with pytest.raises(ImprintError, match=r"x is of shape \[3\], but the records of \[5\]"):
        ask(root, tmp_path / "out", "--add", tmp_path / "add.npz")


def test_the_terminal_shows_groups_additions_and_pairs(data, tmp_path, capsys):
    root, _ = data
    start = ["leave-one-out", "query", "--fit", str(root / "fit"), "--out", str(tmp_path / "out")]
    run([*start, "--groups", "classes", "--add", str(root / "add.npz"), "--among-records"])
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    lens = summary["lenses"]["leave_one_out"]
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    first = lens["groups"]["first"][0]
    row = [first["group"], str(first["records"]), significant(first["kl_out_in"])]
    assert [*row, f"{100 * first['auc']:.1f}%"] in [line[:4] for line in lines]
    last = lens["additions"]["first"][2]
    assert ["2", last["label"], last["prediction_out"], significant(last["kl_out_in"])] in [
        line[:4] for line in lines
    ]
    for pair in lens["among_records"]["most"]:
        ends = [str(pair["removed"]), str(pair["asked"])]
        assert [*ends, significant(pair["kl_out_in"])] in lines
