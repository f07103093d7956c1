"""Files of fitted criteria whose hash is right, and whose content no fit writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.fits.fitted_file import (
    FITTED,
    VERSION,
    FitContext,
    read_fitted,
    write_fitted,
)
from imprint.lenses.coverage.measure.fitted_criteria import fit_criteria
from imprint.lenses.coverage.options import CriteriaChoice
from imprint.lenses.coverage.study.criteria import settings_of
from imprint.lenses.coverage.study.inputs import training_from_arrays
from imprint.nets.tensor_file import read_tensor_file, write_tensor_file
from tests.lenses.coverage.commands_on_files import arrays, saved


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("neurons", lambda array: array + 10**9),
        ("neurons", lambda array: array - 10**9),
        ("neurons", lambda array: array.double()),
        ("classes", lambda array: array.double()),
        ("values", lambda array: array * torch.nan),
        ("values", lambda array: array[:3]),
        ("index", lambda array: array[:3]),
    ],
)
def test_malformed_training_inputs_are_refused(
    tmp_path: Path, name: str, change: Callable[[Tensor], Tensor]
) -> None:
    file = tmp_path / "fitted.safetensors"
    tensors = fitted_to_arrays(file)
    forged = tensors | {f"training/{name}": change(tensors[f"training/{name}"])}
    facts = read_tensor_file(file, FITTED, VERSION, "").facts
    write_tensor_file(file, FITTED, VERSION, facts, forged)
    with pytest.raises(ImprintError, match=rf"training/{name} is malformed"):
        read_fitted(file)


def fitted_to_arrays(file: Path) -> dict[str, Tensor]:
    """Write IDC fitted to arrays with what looking for gaps takes; return the tensors."""
    train = training_from_arrays(saved(file.parent / "train.npz", only_train()))
    settings = settings_of(CriteriaChoice(criteria=("idc",)))
    fitted = fit_criteria(train.layers, settings, train, gaps=True)
    write_fitted(file, fitted, FitContext({}))
    return dict(read_tensor_file(file, FITTED, VERSION, "").tensors)


def only_train() -> dict[str, np.ndarray]:
    return {name: array for name, array in arrays().items() if name.startswith("train")}
