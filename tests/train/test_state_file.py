"""The file of an interrupted training: written and taken, or refused in one sentence."""

import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.train.state_file import take_state, write_state


def test_what_was_written_is_taken(tmp_path):
    write_state(tmp_path / "state.pt", {"step": 3, "weights": torch.arange(4.0)})
    taken = {}
    take_state(tmp_path / "state.pt", taken.update)
    assert taken["step"] == 3
    assert taken["weights"].tolist() == [0, 1, 2, 3]


def test_junk_and_what_does_not_fit_are_refused(tmp_path):
    file = tmp_path / "state.pt"
    file.write_bytes(b"junk")
    with pytest.raises(ImprintError, match="is damaged, or not what an interrupted training"):
        take_state(file, dict)
    write_state(file, {"step": 3})
    with pytest.raises(ImprintError, match="is damaged, or not what an interrupted training"):
        take_state(file, lambda state: state["weights"])
