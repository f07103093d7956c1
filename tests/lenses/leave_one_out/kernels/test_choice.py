import dataclasses

import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.kernels.choice import chosen_kernel, kernel_settings
from imprint.lenses.leave_one_out.kernels.fc import FullyConnected
from imprint.lenses.leave_one_out.kernels.kernel import KERNELS
from imprint.lenses.leave_one_out.options import KernelChoice


@pytest.mark.parametrize("name", KERNELS.names())
def test_what_is_left_out_is_the_kernels_own(name):
    assert chosen_kernel(KernelChoice(kernel=name)) == KERNELS.get(name)()


def test_options_are_read_as_what_they_stand_for():
    more = (("limit", "ntk"), ("input_scale", "0.5"))
    choice = KernelChoice(activation="gelu", depth=2, w_std=1.9822, b_std=0.1, kernel_options=more)
    expected = FullyConnected(
        activation="gelu", depth=2, w_std=1.9822, b_std=0.1, limit="ntk", input_scale=0.5
    )
    assert chosen_kernel(choice) == expected
    assert kernel_settings(choice)["input_scale"] == 0.5
    assert kernel_settings(choice)["name"] == "fc"


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (KernelChoice(kernel="rbf", depth=3), "kernel rbf has no option depth; it has: gamma"),
        (KernelChoice(kernel="features", w_std=1.0), "it has: similarity"),
        (KernelChoice(kernel_options=(("limit", "none"),)), "must be nngp or ntk"),
        (KernelChoice(depth=2, kernel_options=(("depth", "3"),)), "given twice: 2 and 3"),
        (KernelChoice(kernel="conv", kernel_options=(("window", "x"),)), "must be int, got 'x'"),
    ],
)
def test_options_that_do_not_apply_are_refused(choice, message):
    with pytest.raises(ImprintError, match=message):
        chosen_kernel(choice)


def _kernels():
    """Every kernel as it is, and with each option that takes the homogeneity away."""
    for name in (each for each in KERNELS.names() if each != "given"):
        kind = KERNELS.get(name)
        fields = {field.name for field in dataclasses.fields(kind)}
        yield kind()
        for more in ({"b_std": 0.2}, {"activation": "erf"}, {"similarity": "cosine"}):
            if set(more) <= fields:
                yield kind(**more)


@pytest.mark.parametrize("kernel", list(_kernels()), ids=repr)
def test_a_kernel_says_whether_it_is_homogeneous(kernel):
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)).double()
    scaled, plain = kernel(3 * x[:1], x[1:]), kernel(x[:1], x[1:])
    assert kernel.homogeneous == torch.allclose(scaled, 3 * plain, rtol=1e-9, atol=0)
