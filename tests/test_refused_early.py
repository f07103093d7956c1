"""What is wrong with a call is said before anything is trained or written."""

import numpy as np
import pytest

from imprint.cli import main

SMALL = ["--composite-count=200", "--per-class=4", "--k=10"]


def refused(words, out, capsys):
    """Return the sentence of a call that writes nothing."""
    with pytest.raises(SystemExit) as left:
        main([*words, "--out", str(out)])
    assert left.value.code == 2
    assert not out.exists()
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--k=5000"], "k is 5000 but only"),
        (["--decision=logits", "--layer=backbone"], "--decision logits needs"),
        (["--voting=99"], "--voting must be at most k (10), got 99"),
        (["--top-percent="], "--top-percent is empty: give percentages in (0, 100]"),
        (["--top-percent=300"], "--top-percent must be in (0, 100], got 300"),
        (["--train.projector=", "--layer=projector"], "the network has no projector"),
        (["--per-class=1"], "20 records are too few for a cohort, which takes 40"),
        (["--membership.models=2"], "2 models are too few for a cohort"),
    ],
)
def test_an_audit_writes_nothing_before_its_options_are_checked(words, message, tmp_path, capsys):
    assert message in refused(["audit", *SMALL, *words], tmp_path / "out", capsys)


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([], "names no image: give at least one index"),
        ([-3, 1], "names image -3, but the indices of composite go from 0 to 19"),
        ([0, 20], "names image 20, but the indices of composite go from 0 to 19"),
        ([[1, 2]], "must hold one row of whole numbers, got int64 [1, 2]"),
    ],
)
def test_lists_of_images_are_checked(indices, message, tmp_path, capsys):
    np.save(tmp_path / "list.npy", np.array(indices, dtype=np.int64))
    words = ["train", "--composite-count=20", "--members", str(tmp_path / "list.npy")]
    assert message in refused(words, tmp_path / "out", capsys)


def test_an_empty_list_of_percentages_is_refused(tmp_path, capsys):
    draw = np.random.default_rng(0)
    np.savez(
        tmp_path / "arrays.npz",
        public=draw.normal(size=(30, 4)),
        public_labels=np.arange(30) % 3,
        crops_target=draw.normal(size=(9, 4)),
        crops_reference=draw.normal(size=(9, 4)),
        labels=np.arange(9) % 3,
    )
    words = [
        "dejavu",
        "attack",
        "--arrays",
        str(tmp_path / "arrays.npz"),
        "--k=5",
        "--top-percent=",
    ]
    assert "--top-percent is empty" in refused(words, tmp_path / "out", capsys)


def test_learning_rates_of_the_probe_are_not_negative(tmp_path, capsys):
    words = ["audit", *SMALL, "--probe.start-learning-rate=-1"]
    message = "start-learning-rate must be at least 0, got -1"
    assert message in refused(words, tmp_path / "out", capsys)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["study", "--over=models", "--subsets=-1"], "--subsets must be at least 1, got -1"),
        (["audit", "--members=a", "--non-members=b", "--records=-1"], "--records must be 0 or at"),
        (["audit", "--members=a", "--non-members=b", "--shadows=-1"], "--shadows must be 0 or at"),
    ],
)
def test_numbers_of_membership_are_not_negative(words, message, tmp_path, capsys):
    assert message in refused(["membership", *words], tmp_path / "out", capsys)


def test_groups_are_looked_up_before_queries_are_asked(tmp_path, capsys):
    draw = np.random.default_rng(0)
    np.savez(tmp_path / "records.npz", x=draw.normal(size=(12, 4)), y=np.arange(12) % 2)
    np.savez(tmp_path / "queries.npz", queries=draw.normal(size=(2, 4)))
    fit = ["leave-one-out", "fit", "--arrays", str(tmp_path / "records.npz"), "--json"]
    main([*fit, "--out", str(tmp_path / "fit")])
    capsys.readouterr()
    words = ["leave-one-out", "query", "--fit", str(tmp_path / "fit"), "--groups=nobody"]
    words += ["--queries", str(tmp_path / "queries.npz")]
    assert "nobody" in refused(words, tmp_path / "out", capsys)
