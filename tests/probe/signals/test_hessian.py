import numpy as np
import pytest
import torch
from scipy.linalg import hadamard
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from imprint.core.errors import ImprintError
from imprint.probe.signals.confidence import loss_of, margin
from imprint.probe.signals.hessian import exact_trace, hutchinson_trace, logit_probe_trace
from imprint.probe.signals.rademacher import rademacher

SHAPE = (1, 2, 4)
PIXELS = 8
CLASSES = 4
COUNT = 3


def network(activation: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    layers = (
        nn.Conv2d(1, 5, 2),
        activation,
        nn.MaxPool2d((1, 2), 1),
        nn.Flatten(),
        nn.Linear(10, CLASSES),
    )
    return nn.Sequential(*layers).double().eval()


@pytest.fixture(scope="module")
def images() -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return 3 * torch.randn(COUNT, *SHAPE, generator=generator).double()


def traces(net: nn.Module, images: Tensor, labels: Tensor, scale: float = 1.0) -> Tensor:
    """The diagonal of the autograd Hessian, summed."""

    def loss(image: Tensor, label: Tensor) -> Tensor:
        return loss_of(margin(net(image[None]), label[None])).sum()

    found = []
    for image, label in zip(images, labels, strict=True):
        hessian = torch.autograd.functional.hessian(lambda x, y=label: loss(x, y), image)
        found.append(hessian.reshape(image.numel(), -1).diagonal().sum() * scale**2)
    return torch.stack(found)


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_the_exact_trace_is_that_of_autograd_whatever_the_label(
    images: Tensor, scale: float
) -> None:
    net = network(nn.ReLU())
    found = exact_trace(net, images, scale)
    for labels in (torch.arange(COUNT) % CLASSES, torch.zeros(COUNT, dtype=torch.int64)):
        expected = traces(net, images, labels, scale)
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-13)


def test_scale_is_a_number_a_channel() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(8, 3)).double()
    images = torch.rand(2, 2, 2, 2).double()
    scale = torch.tensor([0.5, 2.0]).double()[:, None, None]
    rescaled = exact_trace(lambda x: net(x * scale), images / scale)
    torch.testing.assert_close(exact_trace(net, images, scale), rescaled)


def test_confident_records_keep_their_digits_in_float32() -> None:
    weight = torch.tensor([[3.0, 1.0], [1.0, -2.0]])
    offset = torch.tensor([40.0, 0.0])
    image = torch.zeros(1, 1, 1, 2)
    found = exact_trace(lambda x: x.flatten(1) @ weight.T + offset, image)
    expected = np.exp(-40) * (2**2 + 3**2)
    assert found.item() == pytest.approx(expected, rel=1e-5)
    signs = [torch.tensor([[1, -1]], dtype=torch.int8)]
    probed = logit_probe_trace(lambda x: x.flatten(1) @ weight.T + offset, image, signs)
    assert probed.item() == pytest.approx(expected, rel=1e-5)
    with_label = hutchinson_trace(
        lambda x: x.flatten(1) @ weight.T + offset,
        image,
        torch.tensor([0]),
        [torch.tensor([[1, 1]]), torch.tensor([[1, -1]])],
    )
    assert with_label.item() == pytest.approx(expected, rel=1e-5)


def orthogonal(length: int) -> list[Tensor]:
    """The rows of a Hadamard matrix: their mean of vᵀHv is the trace, as over all signs."""
    return [torch.from_numpy(row).double().expand(COUNT, -1) for row in hadamard(length)]


def test_over_orthogonal_signs_logit_probes_give_the_trace_itself(images: Tensor) -> None:
    net = network(nn.ReLU())
    found = logit_probe_trace(net, images, orthogonal(CLASSES), 0.5)
    torch.testing.assert_close(found, exact_trace(net, images, 0.5), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.GELU()])
def test_over_orthogonal_signs_hutchinson_gives_the_trace_itself(
    images: Tensor, activation: nn.Module
) -> None:
    net, labels = network(activation), torch.arange(COUNT) % CLASSES
    found = hutchinson_trace(net, images, labels, orthogonal(PIXELS), 0.5)
    expected = traces(net, images, labels, 0.5)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-13)


def test_the_gauss_newton_trace_is_not_all_of_it_under_gelu(images: Tensor) -> None:
    net, labels = network(nn.GELU()), torch.arange(COUNT) % CLASSES
    whole = traces(net, images, labels)
    assert not torch.allclose(exact_trace(net, images), whole, rtol=0.01)


def test_probes_are_unbiased_within_their_error(images: Tensor) -> None:
    net, draws = network(nn.ReLU()), 400
    exact = exact_trace(net, images[:1])
    many, index = images[:1].expand(draws, *SHAPE), np.arange(draws)
    labels = torch.zeros(draws, dtype=torch.int64)
    probes = rademacher(0, "t", "i", 0, index, CLASSES), rademacher(0, "v", "i", 0, index, PIXELS)
    for found in (
        logit_probe_trace(net, many, [probes[0]]),
        hutchinson_trace(net, many, labels, [probes[1]]),
    ):
        assert found.std() > 0
        assert (found.mean() - exact).abs() < 5 * found.std() / np.sqrt(draws)


def test_requests_without_gradients_or_probes_are_refused(images: Tensor) -> None:
    with pytest.raises(ImprintError, match="gives no gradients"):
        exact_trace(lambda x: torch.zeros(len(x), CLASSES), images)
    with pytest.raises(ImprintError, match="at least one probe"):
        logit_probe_trace(network(nn.ReLU()), images, [])


def test_a_linear_loss_bends_nowhere(images: Tensor) -> None:
    """Where no gradient depends on the image, the trace is 0, not an error."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, 2)).double()
    with torch.no_grad():
        net[1].weight.zero_()
    labels = torch.zeros(COUNT, dtype=torch.int64)
    found = hutchinson_trace(net, images, labels, [torch.ones(COUNT, PIXELS)])
    assert found.tolist() == [0.0] * COUNT


def test_attention_has_the_trace_of_its_hessian() -> None:
    class Attending(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            rows = images[:, None, 0]
            attended = torch.nn.functional.scaled_dot_product_attention(rows, rows, rows)
            return attended[:, 0, 0]

    torch.manual_seed(0)
    net, image = Attending().eval(), torch.rand(1, 1, 4, 4)
    label = torch.tensor([2])
    found = hutchinson_trace(net, image, label, [signs[:1] for signs in orthogonal(16)])
    with sdpa_kernel(SDPBackend.MATH):
        hessian = torch.autograd.functional.hessian(
            lambda flat: torch.nn.functional.cross_entropy(net(flat.view(1, 1, 4, 4)), label),
            image.double().flatten(),
        )
    assert found.item() == pytest.approx(hessian.trace().item(), rel=1e-4)
