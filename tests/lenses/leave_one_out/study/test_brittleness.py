import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.brittleness_options import BrittlenessChoice
from imprint.lenses.leave_one_out.study.brittleness import (
    CompareBrittleness,
    check_brittleness,
    right_queries,
)
from imprint.lenses.leave_one_out.study.compare import compare_study
from imprint.lenses.leave_one_out.study.conclude import conclude
from imprint.lenses.leave_one_out.study.retrain import ground_truth
from imprint.lenses.leave_one_out.truth.margins import label_margins
from imprint.study.store import Study
from imprint.study.tables import read_table
from imprint.train.cohort.network_stack import train_stack

CHOICE = BrittlenessChoice(removed=(2, 3), queries=2, networks=2, tables=("lood_nngp_0.05",))


@pytest.fixture(scope="module")
def study(made, tmp_path_factory):
    options, _ = made
    copied = replace(options, out=tmp_path_factory.mktemp("brittle") / "study")
    copied.out.mkdir()
    shutil.copytree(options.out / "logits", copied.out / "logits")
    return copied


def test_queries_lose_their_most_helpful_records_and_networks_keep_their_starts(study) -> None:
    store = Study(study.out)
    truth = ground_truth(store, study)
    table = np.random.default_rng(0).normal(size=(20, 4))
    step = CompareBrittleness(truth, CHOICE, {"mine": table}, 0, store)
    findings = conclude(store, step)
    queries = right_queries(truth, CHOICE, 0)
    assert [each.removed for each in findings.tables["mine"]] == [2, 3]
    assert set(findings.controls) == {"random", "same_class"}
    rows = read_table(study.out / "brittleness/removals.parquet")
    own = (rows["influence"] == "mine") & (rows["removed"] == 3)
    assert rows["index"][own].tolist() == queries.tolist()
    plan, query = truth.plan, int(queries[0])
    kept = torch.ones(2, 20, dtype=torch.bool)
    kept[:, np.argsort(-table[:, query])[:3].copy()] = False
    stack = train_stack(plan.data, kept, [0, 1], plan.prior, plan.options, plan.seed)
    without = stack.logits(plan.data.inputs)[:, [20 + query]].numpy()
    label = plan.data.labels.numpy()[[20 + query]]
    within = truth.logits.within[:2, [20 + query]]
    fall = (label_margins(within, label) - label_margins(without, label)).mean()
    assert rows["margin_fall"][own][0] == pytest.approx(fall, rel=1e-3, abs=1e-4)


def test_command_shows_a_row_a_table_and_both_controls(study) -> None:
    options = replace(study, out=study.out.parent / "command", brittleness=CHOICE)
    shutil.copytree(study.out / "logits", options.out / "logits")
    lens = compare_study(options)["lenses"]["leave_one_out"]
    assert list(lens["brittleness"]["tables"]) == ["lood_nngp_0.05"]
    assert (options.out / "comparison/influence/gradient_dot.npy").exists()
    page = (options.out / "report.html").read_text()
    assert "Without the most helpful records" in page
    assert "random records of its class" in page


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"networks": 11}, "--brittleness.networks 11 is more than --pairs 10"),
        ({"removed": (2, 18)}, "--brittleness.removed 18 leaves no record of a class of"),
    ],
)
def test_more_than_there_is_cannot_be_removed(changes, message, study) -> None:
    truth = ground_truth(Study(study.out), study)
    with pytest.raises(ImprintError, match=message):
        check_brittleness(replace(CHOICE, **changes), truth)


def test_unknown_table_is_refused(study) -> None:
    options = replace(study, brittleness=replace(CHOICE, tables=("nonsense",)))
    options = replace(options, estimators=("none",), out=study.out.parent / "unknown")
    shutil.copytree(study.out / "logits", options.out / "logits")
    with pytest.raises(ImprintError, match=r"--brittleness\.tables nonsense is not among"):
        compare_study(options)
