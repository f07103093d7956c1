"""A target and its references that together are a balanced cohort: counts must tell nothing."""

import numpy as np
import pytest

from imprint.lenses.membership.attack_kit.run import choose_attacks, run_attacks
from imprint.lenses.membership.cohort.references import completes_balanced_cohort
from imprint.lenses.membership.study.arrays import attack_membership_arrays
from imprint.lenses.membership.study.case import read_case
from imprint.stats.roc import auc

MODELS, RECORDS, SEEDS = 8, 1000, 12


def write(file, seed, gap, balanced=True):
    """Write model 0 as the target, judged by the other seven."""
    random = np.random.default_rng(seed)
    drawn = random.random((MODELS, RECORDS))
    masks = np.argsort(drawn, axis=0) < MODELS // 2 if balanced else drawn < 0.5
    spread, place = random.uniform(0.5, 1.5, RECORDS), random.normal(0, 2, RECORDS)
    moved = gap * random.gamma(1.5, 0.6, RECORDS)
    noise = random.normal(size=(MODELS, RECORDS)) * np.where(masks & (gap > 0), 0.6, 1) * spread
    signals = (place + masks * moved + noise)[:, None]
    np.savez(
        file,
        target=signals[0],
        target_members=masks[0],
        signals=signals[1:],
        members=masks[1:],
    )
    return signals[:, 0], masks


def area(scores, members):
    return auc(scores[members], scores[~members]).value


def lira_of(file):
    case = read_case(file)
    scores = run_attacks(case.evidence, choose_attacks(["lira"])).scores["lira"]
    return area(scores, case.members)


def release(signals, masks):
    """The released script: medians, each side cut to the least count of any record."""
    logs = []
    for side in (~masks[1:], masks[1:]):
        used = side & (np.cumsum(side, axis=0) <= side.sum(axis=0).min())
        held = np.where(used, signals[1:], np.nan)
        spread = np.nanstd(held, axis=0) + 1e-30
        standard = (signals[0] - np.nanmedian(held, axis=0)) / spread
        logs.append(-0.5 * standard**2 - np.log(spread))
    return area(logs[1] - logs[0], masks[0])


def naive(signals, masks):
    """All seven references, with the counts that tell the target's members."""
    logs = []
    for side in (~masks[1:], masks[1:]):
        held = np.where(side, signals[1:], np.nan)
        standard = (signals[0] - np.nanmean(held, axis=0)) / np.nanstd(held, axis=0)
        logs.append(-0.5 * standard**2 - np.log(np.nanstd(held, axis=0)))
    return area(logs[1] - logs[0], masks[0])


def test_counts_of_seven_references_tell_nothing_of_a_target_that_knows_nothing(tmp_path):
    areas, biased = [], []
    for seed in range(SEEDS):
        drawn = write(tmp_path / "a.npz", seed, gap=0)
        areas.append(lira_of(tmp_path / "a.npz"))
        biased.append(naive(*drawn))
    # An AUC of 500 against 500 has a standard error of .018; the mean of 12, of .0053.
    assert abs(np.mean(areas) - 0.5) < 4 * 0.0053
    assert np.mean(biased) < 0.5 - 4 * 0.0053


def test_lira_is_no_worse_than_the_released_script(tmp_path):
    """Simulated K = 8: all others .666, released script .702, a partner out .707 (± .002)."""
    ours, theirs, biased = [], [], []
    for seed in range(SEEDS):
        drawn = write(tmp_path / "a.npz", seed, gap=1)
        ours.append(lira_of(tmp_path / "a.npz"))
        theirs.append(release(*drawn))
        biased.append(naive(*drawn))
    assert np.mean(ours) > np.mean(theirs) - 0.01
    assert np.mean(ours) > np.mean(biased) + 0.02


def test_target_and_references_are_recognised_as_one_cohort(tmp_path):
    _, masks = write(tmp_path / "a.npz", 0, gap=1)
    assert completes_balanced_cohort(masks[1:], masks[0])
    assert not completes_balanced_cohort(masks[2:], masks[0])
    assert not completes_balanced_cohort(masks, masks[0])
    summary = attack_membership_arrays(tmp_path / "a.npz", tmp_path / "out", ["lira"])
    assert summary["data"]["references"] == 7
    found = summary["lenses"]["membership"]
    assert found["warnings"] == []
    controls = found["attacks"]["lira"]["controls"]
    assert controls.keys() == {"permuted_membership", "other_membership"}
    assert all(control["passed"] for control in controls.values())
    write(tmp_path / "b.npz", 0, gap=1, balanced=False)
    assert read_case(tmp_path / "b.npz").evidence.references.target is None


@pytest.mark.parametrize("left", [3, 5])
def test_counts_that_tell_the_target_are_reported(tmp_path, left):
    """A part of a balanced cohort: the counts tell, and nothing can complete it."""
    signals, masks = write(tmp_path / "a.npz", 0, gap=1)
    np.savez(
        tmp_path / "a.npz",
        target=signals[:1],
        target_members=masks[0],
        signals=signals[1 : 1 + left, None],
        members=masks[1 : 1 + left],
    )
    summary = attack_membership_arrays(tmp_path / "a.npz", tmp_path / "out", ["lira"])
    (told,) = summary["lenses"]["membership"]["warnings"]
    assert told.startswith(
        "how many reference models were trained on a record reveals the target's"
    )
