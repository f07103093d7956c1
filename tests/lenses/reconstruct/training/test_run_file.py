"""Files of trained diffusion models that are damaged."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.training.run_file import load_network, read_run_card
from tests.lenses.reconstruct.study.tiny_runs import save_run

CPU = torch.device("cpu")


def changed(folder, value):
    """Return a file of weights, one tensor of which was replaced."""
    file = save_run(folder / "run") / "network" / "final.safetensors"
    weights = {name: tensor.clone() for name, tensor in load_file(file).items()}
    save_file({**weights, "empty": value(weights["empty"])}, file)
    return file


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path, number):
    file = changed(tmp_path, lambda weight: torch.full_like(weight, number))
    with pytest.raises(ImprintError, match="hold NaN or infinity"):
        load_network(file, read_run_card(file), CPU)


@pytest.mark.parametrize("dtype", [torch.int64, torch.complex64])
def test_weights_of_another_kind_are_refused(tmp_path, dtype):
    file = changed(tmp_path, lambda weight: weight.to(dtype))
    with pytest.raises(ImprintError, match="do not fit their card"):
        load_network(file, read_run_card(file), CPU)


def test_weights_of_half_precision_are_read_as_float32(tmp_path):
    file = changed(tmp_path, lambda weight: weight.half())
    assert load_network(file, read_run_card(file), CPU).empty.dtype == torch.float32
