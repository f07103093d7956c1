import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.study.arrays import attack_membership_arrays
from imprint.lenses.membership.study.case import read_case
from tests.lenses.membership.signal_files import RECORDS, arrays


def test_index_and_masks_of_numbers_are_taken(save, tmp_path):
    members = arrays()["members"].astype(np.int64)
    file = save(index=np.arange(RECORDS) + 7, members=members, mentr=np.ones((1, RECORDS)))
    case = read_case(file)
    assert case.index[0] == 7
    assert case.evidence.target["mentr"].shape == (1, RECORDS)
    assert case.evidence.references.cohort.members.dtype == bool


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"target": None}, "has no array 'target'; it needs target_members, target"),
        ({"tragte": np.zeros(3)}, "unknown array 'tragte'; known are target_members, target"),
        ({"members": None}, "signals needs members beside it: give both"),
        (
            {"signals": np.zeros((8, 2, 7))},
            r"signals has shape \[8, 2, 7\], expected \[8, 2, 300\]",
        ),
        (
            {"population": np.zeros((3, 120))},
            r"population has shape \[3, 120\], expected \[2, Q\]",
        ),
        ({"members": np.full((8, 300), 2)}, "members must be bool, or 0 and 1"),
        ({"target": np.full((2, 300), np.nan)}, r"target\[0, 0\] is nan: leave that record out"),
        ({"target": np.full((2, 300), "a")}, "target must hold numbers, not <U1"),
        ({"target_members": np.zeros(300, dtype=bool)}, "0 members and 300 non-members: at least"),
        ({"index": np.zeros(300)}, "index"),
        (
            {"index": np.full(300, 2**63, dtype=np.uint64)},
            "index must hold whole numbers of 64 bits",
        ),
        ({"target": np.full((2, 300), 1e200)}, r"target\[0, 0\] is 1e\+200, beyond 1e\+100"),
        ({"target": np.full((2, 300), np.longdouble("1e4000"))}, "beyond float64|is inf"),
        ({"target": arrays()["signals"][3]}, r"signals\[3\] are those of the target itself"),
    ],
)
def test_arrays_that_do_not_fit_are_errors_and_nothing_is_written(save, tmp_path, changed, message):
    with pytest.raises(ImprintError, match=message):
        attack_membership_arrays(save(**changed), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", [np.complex64, np.complex128, "datetime64[s]", "S3"])
def test_signals_that_are_no_real_numbers_are_refused(save, tmp_path, kind):
    with pytest.raises(ImprintError, match="target must hold numbers, not"):
        attack_membership_arrays(save(target=np.zeros((2, RECORDS)).astype(kind)), tmp_path / "out")


@pytest.mark.parametrize("decimals", [0, 1, 2])
def test_rounded_signals_are_ties_and_no_copies(tmp_path, decimals):
    random = np.random.default_rng(0)
    members = np.arange(4000) < 2000
    target = (random.normal(size=(1, 4000)) + 3 * members).round(decimals)
    np.savez(tmp_path / "a.npz", target=target, target_members=members)
    assert attack_membership_arrays(tmp_path / "a.npz", tmp_path / "out")["data"]["copies"] == 0


def test_one_index_for_two_records_is_an_error(save, tmp_path):
    index = np.arange(RECORDS)
    index[7] = 3
    with pytest.raises(ImprintError, match="index 3 names the rows 3 and 7, whose signals differ"):
        attack_membership_arrays(save(index=index), tmp_path / "out")


def test_a_target_that_completes_its_references_is_one_of_their_cohort(save):
    own = arrays()
    members = np.arange(RECORDS) % 8 < np.arange(1, 9)[:, None]
    balanced = (np.arange(8)[:, None] + np.arange(RECORDS)) % 8 < 4
    changed = {"members": balanced[1:], "signals": own["signals"][1:], "population_signals": None}
    case = read_case(save(**changed, target_members=balanced[0]))
    references = case.evidence.references
    assert references.target == 0
    assert (references.cohort.members == balanced).all()
    apart = read_case(save(members=members))
    assert apart.evidence.references.target is None


def test_curvature_is_given_once(save):
    curvature = {"curvature_target": arrays()["target"], "curvature_signals": arrays()["signals"]}
    assert set(read_case(save(**curvature)).evidence.target) == {"phi", "log_curvature"}
    with pytest.raises(ImprintError, match="target is the curvature already"):
        read_case(save(**curvature), "log_curvature")
    with pytest.raises(ImprintError, match="of the same references"):
        read_case(save(curvature_target=arrays()["target"]))
