from collections.abc import Iterator

import pytest
import torch
from torch import nn

from imprint.core.errors import ImprintError
from imprint.probe.signals.precision import check_precision, full_float32

CPU = torch.device("cpu")


def settings() -> list[str]:
    cudnn, onednn = torch.backends.cudnn, torch.backends.mkldnn
    places = (torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn, onednn.matmul, onednn.conv)
    return [place.fp32_precision for place in places]  # type: ignore[attr-defined]  # not in stubs


@pytest.fixture
def fast_products() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    yield
    torch.set_float32_matmul_precision(before)


@pytest.mark.skipif(
    not hasattr(torch.backends.cuda.matmul, "fp32_precision"), reason="torch before 2.9"
)
@pytest.mark.usefixtures("fast_products")
def test_everything_is_full_inside_and_as_before_after() -> None:
    before = settings()
    assert "tf32" in before
    with full_float32(CPU):
        assert settings() == ["ieee"] * 5
    assert settings() == before
    assert torch.get_float32_matmul_precision() == "medium"


def test_autocast_is_off_inside() -> None:
    layer, inputs = nn.Linear(2, 2), torch.ones(1, 2)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(inputs).dtype == torch.bfloat16
        with full_float32(CPU):
            assert layer(inputs).dtype == torch.float32


def test_coarse_weights_are_refused() -> None:
    check_precision(nn.Linear(2, 2).double(), "a")
    with pytest.raises(ImprintError, match="network a holds bfloat16 weights"):
        check_precision(nn.Linear(2, 2).bfloat16(), "a")
