import numpy as np
import pytest
import torch

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.study import fitted
from imprint.study.tables import read_table
from tests.lenses.leave_one_out.study.refits import refused, words


def test_too_many_records_for_the_memory_are_refused(arrays, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fitted, "free_memory", lambda device: 4 * 8 * 400)
    np.savez(tmp_path / "arrays.npz", **arrays)
    shown = refused(words(tmp_path / "arrays.npz", tmp_path / "out"), capsys)
    assert "choose --method auto, or --records 20 or fewer" in shown
    more = ("--noise", "0.1", "--records", "20")
    main(words(tmp_path / "arrays.npz", tmp_path / "out", *more))
    index = read_table(tmp_path / "out" / "leave_one_out" / "records.parquet")["index"]
    assert len(index) == 20
    assert (np.diff(index) > 0).all()


def test_mps_is_refused_for_its_lack_of_float64(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with pytest.raises(ImprintError, match="no float64"):
        fitted.double_device("mps")
