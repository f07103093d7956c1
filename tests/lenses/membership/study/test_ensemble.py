"""The command from files of runs to tables, on an ensemble with a planted effect."""

import json
import re

import numpy as np
import pytest
from scipy import stats

from imprint.cli import main
from imprint.core.missing import Missing
from imprint.lenses.membership.study.ensemble import mean_over_models
from imprint.study.tables import read_table

MODELS, RECORDS, TESTS = 64, 40, 8
PLANTED = 3


@pytest.fixture
def runs(tmp_path):
    """Record 3 is right only where it was trained on, and then alone test example 2 is too.

    Everything else is right in every model. Record 0 is in every model, so it has no score.
    """
    random = np.random.default_rng(0)
    members = random.random((MODELS, RECORDS)) < 0.7
    members[:, 0] = True
    correct = np.ones((MODELS, RECORDS), dtype=bool)
    correct[:, PLANTED] = members[:, PLANTED]
    tests = np.ones((MODELS, TESTS), dtype=bool)
    tests[:, 2] = members[:, PLANTED]
    folder = tmp_path / "runs"
    for run in range(MODELS):
        (folder / str(run)).mkdir(parents=True)
        arrays = {}
        for part, index, values in (
            ("train", np.flatnonzero(members[run]), correct[run]),
            ("removed", np.flatnonzero(~members[run]), correct[run]),
            ("test", np.arange(TESTS), tests[run]),
        ):
            shuffled = random.permutation(index)
            arrays |= {f"index_{part}": shuffled, f"correctness_{part}": values[shuffled]}
        subset = random.permutation(np.flatnonzero(members[run]))
        np.savez(folder / str(run) / "aux_arrays.npz", subsample_idx=subset, **arrays)
    np.savez(
        tmp_path / "imagenet_index.npz",
        tr_filenames=np.array([f"t{row}.JPEG".encode() for row in range(RECORDS)]),
        tr_labels=np.arange(RECORDS) % 2,
        tt_filenames=np.array([f"v{row}.JPEG".encode() for row in range(TESTS)]),
        tt_labels=np.array([0, 0, 1, 1, 0, 0, 1, 1]),
    )
    return members


def told(capsys):
    return json.loads(capsys.readouterr().out)


def words(tmp_path, *more):
    return [
        "membership",
        "ensemble",
        "--runs",
        str(tmp_path / "runs"),
        "--out",
        str(tmp_path / "out"),
        *more,
    ]


def test_a_planted_record_is_found_with_the_test_example_it_carries(tmp_path, runs, capsys):
    main(words(tmp_path, "--index", str(tmp_path / "imagenet_index.npz"), "--json"))
    summary = told(capsys)
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == summary
    found = summary["lenses"]["membership"]["memorization"]
    assert (found["runs"], found["records"], found["test_examples"]) == (MODELS, RECORDS, TESTS)
    assert found["missing"] == {"in the training set of every model": 1}
    assert found["most_memorized"][0]["file"] == "t3.JPEG"
    assert found["memorized"]["count"] == 1
    assert found["scores"]["count"] == RECORDS - 1
    assert found["pairs"]["count"] == 1
    assert found["pairs"]["strongest"][0] == {
        "index": PLANTED,
        "test": 2,
        "influence": 1.0,
        "standard_error": pytest.approx(found["most_memorized"][0]["standard_error"]),
        "file": "t3.JPEG",
        "test_file": "v2.JPEG",
    }
    assert found["accuracy"]["members"]["value"] == 1
    outside = (~runs).sum(axis=1)
    others = 1 - (~runs[:, PLANTED]) / outside
    assert found["accuracy"]["others"]["value"] == pytest.approx(others.mean())
    assert found["accuracy"]["gap"]["value"] == pytest.approx(1 - others.mean())
    assert found["accuracy"]["gap"]["n"] == MODELS

    table = read_table(tmp_path / "out" / "membership" / "memorization.parquet")
    assert list(table) == [
        "index",
        "memorization",
        "standard_error",
        "in_models",
        "out_models",
        "file",
        "label",
    ]
    assert table["index"].tolist() == list(range(RECORDS))
    assert np.isnan(table["memorization"][0])
    assert table["memorization"][1:].tolist() == [float(r == PLANTED) for r in range(1, RECORDS)]
    assert table["in_models"].tolist() == runs.sum(axis=0).tolist()
    assert (table["in_models"] + table["out_models"] == MODELS).all()
    assert table["file"][5] == "t5.JPEG"
    pairs = read_table(tmp_path / "out" / "membership" / "pairs.parquet")
    assert (pairs["index"].tolist(), pairs["test"].tolist()) == ([PLANTED], [2])


def test_without_an_index_pairs_are_missing_with_the_reason(tmp_path, runs, capsys):
    main(words(tmp_path))
    told_lines = capsys.readouterr().out
    assert "Memorization: 64 models, 40 records" in told_lines
    assert re.search(r"record 3 +1\.000", told_lines)
    assert "no pairs: no --index" in told_lines
    assert not (tmp_path / "out" / "membership" / "pairs.parquet").exists()


def test_for_people_with_an_index(tmp_path, runs, capsys):
    main(words(tmp_path, "--index", str(tmp_path / "imagenet_index.npz")))
    lines = capsys.readouterr().out
    assert re.search(r"t3\.JPEG +v2\.JPEG +1\.000", lines)
    assert "1 of 39" in lines


def test_a_second_call_reads_no_run_again_and_other_cuts_are_refused(tmp_path, runs, capsys):
    main(words(tmp_path, "--json"))
    first = told(capsys)
    table = tmp_path / "out" / "membership" / "memorization.parquet"
    before = table.stat().st_mtime_ns
    main(words(tmp_path, "--json"))
    assert (told(capsys), table.stat().st_mtime_ns) == (first, before)
    with pytest.raises(SystemExit) as left:
        main(words(tmp_path, "--memorization-cut", "0.5"))
    assert left.value.code == 2
    assert "memorization_cut: 0.25 there, 0.5 now" in capsys.readouterr().err


def test_an_index_of_other_data_is_refused(tmp_path, runs, capsys):
    arrays = dict(np.load(tmp_path / "imagenet_index.npz"))
    arrays["tt_filenames"], arrays["tt_labels"] = (
        arrays["tt_filenames"][1:],
        arrays["tt_labels"][1:],
    )
    np.savez(tmp_path / "other.npz", **arrays)
    with pytest.raises(SystemExit) as left:
        main(words(tmp_path, "--index", str(tmp_path / "other.npz")))
    assert left.value.code == 2
    assert "the index lists 40 records and 7 test examples" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_count_by_chance_is_what_noise_alone_gives(tmp_path, capsys):
    """Nothing is memorized, so as many records reach the cut as by chance.

    Counts of 3000 independent records: the forecast lies within 4 standard deviations, and misses
    that with probability 6e-5.
    """
    random = np.random.default_rng(1)
    models, records = 24, 3000
    members = random.random((models, records)) < 0.5
    correct = random.random((models, records)) < 0.5
    for run in range(models):
        (tmp_path / "runs" / str(run)).mkdir(parents=True)
        train, removed = np.flatnonzero(members[run]), np.flatnonzero(~members[run])
        np.savez(
            tmp_path / "runs" / str(run) / "aux_arrays.npz",
            subsample_idx=train,
            index_train=train,
            correctness_train=correct[run][train],
            index_removed=removed,
            correctness_removed=correct[run][removed],
            index_test=[0],
            correctness_test=[True],
        )
    main(words(tmp_path, "--json"))
    found = told(capsys)["lenses"]["membership"]["memorization"]
    memorized = found["memorized"]
    assert memorized["by_chance"] > 100
    assert abs(memorized["count"] - memorized["by_chance"]) < 4 * memorized["by_chance"] ** 0.5
    low, high = found["accuracy"]["gap"]["ci95"]
    assert low < 0 < high


def test_the_interval_over_models_is_students():
    shares = np.array([0.1, 0.4, np.nan, 0.7])
    found = mean_over_models(shares)
    reach = stats.t.ppf(0.975, 2) * 0.3 / np.sqrt(3)
    assert found.value == pytest.approx(0.4)
    assert found.ci95 == pytest.approx([0.4 - reach, 0.4 + reach])
    assert found.n == 3
    assert mean_over_models(np.array([0.5, np.nan])) == Missing("1 of 2 models have one")
