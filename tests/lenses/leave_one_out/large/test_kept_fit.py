"""What a fit keeps comes back from its file, and is that of the inverse."""

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.large.kept_fit import read_kept_fit, write_kept_fit
from tests.lenses.leave_one_out.large.large_solved import large_of
from tests.lenses.leave_one_out.large_problem import large_problem


def test_what_is_kept_is_the_diagonal_and_the_weights(tmp_path):
    dense, kept = large_problem().posterior, large_of().kept
    torch.testing.assert_close(kept.diagonal, dense.inverse_diagonal, rtol=1e-9, atol=0)
    torch.testing.assert_close(kept.weights, dense.weights, rtol=1e-7, atol=1e-9)
    assert kept.weights_residual < 1e-8
    assert kept.diagonal_error.abs().max() < 1e-10
    write_kept_fit(tmp_path / "inverse.npz", kept)
    again = read_kept_fit(tmp_path / "inverse.npz").to(torch.device("cpu"))
    for name in ("diagonal", "leverage", "weights", "diagonal_error"):
        assert torch.equal(getattr(again, name), getattr(kept, name))
    assert again.weights_residual == kept.weights_residual


def test_of_nystrom_the_error_of_the_diagonal_is_stated():
    dense, kept = large_problem().posterior, large_of("nystrom").kept
    off = (kept.diagonal / dense.inverse_diagonal - 1).abs()
    assert 0.2 < float(kept.diagonal_error.abs().median() / off.median()) < 5


def test_another_file_is_one_sentence(tmp_path):
    np.savez(tmp_path / "inverse.npz", diagonal=np.ones(3))
    with pytest.raises(ImprintError, match=r"inverse\.npz"):
        read_kept_fit(tmp_path / "inverse.npz")
