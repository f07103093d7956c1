import numpy as np
import pytest

from imprint.cli import run
from imprint.lenses.leave_one_out.column_meanings import meaning_of
from imprint.study.tables import column_meanings, read_table


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    root = tmp_path_factory.mktemp("meanings")
    random = np.random.default_rng(0)
    x, y = random.normal(size=(20, 4)), np.arange(20) % 2
    x[19] = x[17]
    np.savez(root / "fit.npz", x=x, y=y)
    np.savez(root / "queries.npz", queries=x[:5] + 0.1, query_labels=y[:5])
    np.savez(root / "add.npz", x=x[:2] + 0.3, y=y[:2])
    arrays = ["--arrays", str(root / "fit.npz"), "--kernel", "rbf", "--json"]
    run(["leave-one-out", "fit", *arrays, "--out", str(root / "fit")])
    more = ["--queries", str(root / "queries.npz"), "--groups", "classes", "--among-records"]
    more += ["--add", str(root / "add.npz"), "--out", str(root / "fit"), "--json"]
    run(["leave-one-out", "query", "--fit", str(root / "fit"), *more])
    few = ["--removed", "2", "--out"]
    run(["leave-one-out", "optimise", *arrays, *few, str(root / "search")])
    lines = ["--steps-per-side", "2", "--noise-lines", "1", "--noise-steps", "2"]
    run(["leave-one-out", "landscape", *arrays, *lines, *few, str(root / "landscape")])
    return sorted(root.rglob("*.parquet"))


def test_every_column_says_its_unit_and_direction(tables):
    names = {file.name for file in tables}
    assert names == {
        "records.parquet", "influential.parquet", "groups.parquet", "additions.parquet",
        "influence_sums.parquet", "influence_classes.parquet", "lines.parquet",
    }  # fmt: skip
    for file in tables:
        meanings = column_meanings(file)
        assert set(meanings) == set(read_table(file)), file
        for name, meaning in meanings.items():
            assert meaning == meaning_of(name)


def test_what_a_signed_column_says_is_true(tables):
    records = next(file for file in tables if file.parts[-3:-1] == ("fit", "leave_one_out"))
    assert "above 0: the record raises" in column_meanings(records)["memorization"]
    # The same number, at the record itself, of the table of influence on the right output.
    influence = np.load(records.parent / "among_records" / "influence.npy")
    columns = read_table(records)
    alone = columns["memorization_alone"]
    np.testing.assert_allclose(np.diag(influence), alone, atol=1e-9)
    assert (alone > 0).mean() > 0.5
