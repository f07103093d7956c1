from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from imprint.lenses.leave_one_out.findings import CheckedExtremes
from imprint.lenses.leave_one_out.study.conclude import FindingStep, MeasureArrays, conclude
from imprint.study.finding import write_finding
from imprint.study.store import Study


@dataclass(frozen=True, eq=False)
class Count(FindingStep[CheckedExtremes]):
    number: int

    artefact = "count"
    kind = CheckedExtremes

    def build(self, path: Path) -> None:
        path.mkdir()
        write_finding(path / self.file, CheckedExtremes((self.number,), 0))


def test_a_step_is_run_once_and_its_finding_returned(tmp_path):
    study = Study(tmp_path)
    assert conclude(study, Count(3)) == CheckedExtremes((3,), 0)
    written = (tmp_path / "count/findings.json").stat().st_mtime_ns
    assert conclude(study, Count(3)).exact == (3,)
    assert (tmp_path / "count/findings.json").stat().st_mtime_ns == written


def test_parts_of_measures_make_one_array_in_memory_or_on_disk(tmp_path):
    for folder in (None, tmp_path):
        arrays = MeasureArrays(2, 3, folder)
        for column in range(3):
            part = torch.full((2, 1), float(column)).double()
            shift = part[..., None].expand(2, 1, 2)
            arrays.fill({"shift": shift, "auc": part}, columns=slice(column, column + 1))
        assert arrays.names == ("auc", "shift")
        assert arrays.arrays["auc"].tolist() == [[0, 1, 2]] * 2
        assert arrays.arrays["shift"].shape == (2, 3, 2)
    del arrays
    assert np.load(tmp_path / "auc.npy").tolist() == [[0, 1, 2]] * 2
