"""The page on a first method: its code works, and an addition touches as few files as it says."""

import re
import subprocess
import sys

import numpy as np
import pytest

from additions import (
    PAGE,
    apply_addition,
    copy_sources,
    read_additions,
    run_addition,
    write_inputs,
)

ADDITIONS = {addition.title: addition for addition in read_additions()}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = copy_sources(tmp_path_factory.mktemp("tree"))
    write_inputs(folder)
    for addition in ADDITIONS.values():
        apply_addition(addition, folder)
    return folder


def run(title, tree):
    return run_addition(ADDITIONS[title], tree, tree)["lenses"]


def _known(values, known):
    return values[known]


def test_the_table_counts_the_files():
    rows = re.findall(r"^\| (.*?) \| (\d) new(?:, (\d) changed)? \|", PAGE.read_text(), re.M)
    counts = [(int(new), int(changed or 0)) for _, new, changed in rows]
    assert counts == [(len(each.new), len(each.appended)) for each in ADDITIONS.values()]
    assert [sum(each) <= limit for each, limit in zip(counts, (1, 1, 5), strict=True)] == [True] * 3


def test_the_attack_is_run_with_controls_and_listed(tree):
    rank = run("An attack", tree)["membership"]["attacks"]["rank"]
    with np.load(tree / "signals.npz") as arrays:
        outside, target = ~arrays["members"], arrays["target"][0]
        below = (arrays["signals"][:, 0] < target) & outside
        scores = [row.mean() if len(row) else 0.5 for row in map(_known, below.T, outside.T)]
        scores, inside = np.array(scores), arrays["target_members"]
    pairs = scores[inside][:, None] - scores[~inside]
    assert rank["auc"]["value"] == pytest.approx((pairs > 0).mean() + 0.5 * (pairs == 0).mean())
    assert all(control["passed"] for control in rank["controls"].values())
    listing = subprocess.run(
        [sys.executable, "-m", "imprint", "list", "attacks"],
        env={"PYTHONPATH": str(tree / "src")}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert re.search(r"^\s*rank\b", listing, re.M)


def test_the_criterion_is_measured_by_hand(tree):
    measured = run("A coverage criterion", tree)["coverage"]["criteria"]["sign"]
    with np.load(tree / "activations.npz") as arrays:
        active = arrays["test/fc"] > 0
    assert measured["value"] == np.concatenate([active.any(0), (~active).any(0)]).mean()


def test_the_command_writes_a_section(tree):
    finding = run("A command with a section", tree)["accuracy"]
    with np.load(tree / "answers.npz") as arrays:
        correct, members = arrays["correct"], arrays["members"]
    assert finding["members"]["value"] == correct[members].mean()
    assert finding["non_members"]["value"] == correct[~members].mean()
    page = (tree / "runs" / "accuracy" / "report.html").read_text()
    assert "Accuracy differs by" in page
    assert "non-members" in page
