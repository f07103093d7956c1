import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.cohort.stored_signals import StoredSignals
from imprint.lenses.membership.study.arrays import attack_membership_arrays
from imprint.lenses.membership.study.case import read_case
from imprint.study import array_file
from tests.lenses.membership.signal_files import RECORDS, arrays

EARLY = ["lira", "lira_shrunk", "rmia", "rmia_tuned", "attack_r", "stacked", "base", "trajectory"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(array_file, "STORED_BYTES", 1)

    def write(contents):
        (tmp_path / "folder").mkdir()
        for name, values in contents.items():
            np.save(tmp_path / "folder" / f"{name}.npy", values)
        return tmp_path / "folder"

    return write


def written(root):
    return {file.name: file.read_bytes() for file in (root / "membership").iterdir()}


def balanced() -> dict[str, np.ndarray]:
    members = (np.arange(8)[:, None] + np.arange(RECORDS)) % 8 < 4
    own = arrays()
    return {
        "target": own["signals"][0],
        "signals": own["signals"][1:],
        "members": members[1:],
        "target_members": members[0],
    }


def with_trajectory() -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    more = {"trajectory": random.random((3, RECORDS)).astype(np.float32)}
    more["trajectory_signals"] = random.random((8, 3, RECORDS)).astype(np.float32)
    return {**arrays(), **more}


def with_copies() -> dict[str, np.ndarray]:
    contents = arrays()
    for name in ("target", "signals", "members", "target_members"):
        contents[name][..., 7] = contents[name][..., 3]
    return contents


def losses() -> dict[str, np.ndarray]:
    contents = arrays()
    for name in ("target", "signals", "population", "population_signals"):
        contents[name] = np.maximum(-contents[name], 0)
    return contents


@pytest.mark.parametrize(
    ("contents", "signal"),
    [
        (arrays, "phi"),
        (balanced, "phi"),
        (with_trajectory, "phi"),
        (with_copies, "phi"),
        (losses, "loss"),
    ],
)
def test_a_folder_gives_the_bytes_of_an_archive(folder, tmp_path, contents, signal):
    np.savez(tmp_path / "a.npz", **contents())
    stored = folder(contents())
    case = read_case(stored, signal)
    kinds = case.evidence.references.cohort.signals
    assert all(isinstance(values, StoredSignals) for values in kinds.values())
    summaries = [
        attack_membership_arrays(file, tmp_path / out, EARLY, signal)
        for file, out in ((tmp_path / "a.npz", "one"), (stored, "two"))
    ]
    first, second = (each["lenses"]["membership"] for each in summaries)
    for attack in first["attacks"].values():
        # Of a balanced cohort on disk this control would gather models record by record.
        attack["controls"].pop("other_membership", None)
    assert first == second
    assert summaries[0]["data"]["copies"] == summaries[1]["data"]["copies"]
    assert len(written(tmp_path / "one")) >= 7
    assert written(tmp_path / "one") == written(tmp_path / "two")


def test_values_are_checked_when_they_are_read(folder):
    contents = arrays()
    contents["signals"][3, 1, 17] = np.nan
    with pytest.raises(ImprintError, match=r"signals\[3\]\[1, 17\] is nan: leave that record out"):
        read_case(folder(contents))


def test_shapes_are_checked_before_anything_is_read(folder):
    with pytest.raises(ImprintError, match=r"signals has shape \[8, 2, 7\], expected"):
        read_case(folder({**arrays(), "signals": np.zeros((8, 2, 7))}))


def test_a_file_that_is_no_array_is_named(folder):
    stored = folder(arrays())
    (stored / "signals.npy").write_bytes(b"nothing")
    with pytest.raises(ImprintError, match=r"signals\.npy is not an \.npy file"):
        read_case(stored)
