import torch

from imprint.lenses.leave_one_out.kernels.fc import FullyConnected
from imprint.nets.fully_connected import in_own_span, initial_stack


def test_a_network_by_itself_says_what_it_says_in_the_stack():
    for activation in ("relu", "gelu", "erf"):
        prior = FullyConnected(depth=3, activation=activation, b_std=0.3)
        stack = initial_stack(prior, 7, 5, 2, [11, 12], dtype=torch.float64)
        inputs = torch.randn(4, 5, generator=torch.Generator().manual_seed(0)).double()
        for row in range(2):
            alone = stack.network(row)(inputs)
            torch.testing.assert_close(alone, stack.logits(inputs)[row], rtol=1e-13, atol=1e-15)


def test_a_network_does_not_depend_on_its_company():
    prior = FullyConnected(depth=1)
    alone, among = (initial_stack(prior, 4, 3, 2, seeds) for seeds in ([8], [7, 8, 9]))
    for one, other in zip(alone.weights, among.weights, strict=True):
        assert torch.equal(one[0], other[1])


def test_networks_have_the_covariance_of_the_kernel():
    """2000 networks of width 200: their logits' products average to the kernel within 5 errors."""
    prior = FullyConnected(depth=2, activation="erf", w_std=1.4, b_std=0.5, input_scale=2.0)
    inputs = torch.tensor([[0.3, -0.2, 0.9], [0.5, 0.4, -0.1]])
    products = []
    for start in range(0, 2000, 400):
        stack = initial_stack(prior, 200, 3, 1, list(range(start, start + 400)))
        logits = stack.logits(inputs * prior.input_scale)[..., 0].double()
        products.append(logits[:, :, None] * logits[:, None, :])
    found = torch.cat(products)
    error = found.std(0) / len(found) ** 0.5
    # The width of 200 moves the kernel by some 1/200 of itself, a fifth of an error.
    assert ((found.mean(0) - prior(inputs)).abs() < 5 * error).all()


def test_coordinates_in_the_span_keep_inner_products():
    inputs = torch.randn(6, 20, generator=torch.Generator().manual_seed(1)).double()
    found = in_own_span(inputs)
    assert found.shape == (6, 6)
    torch.testing.assert_close(found @ found.T, inputs @ inputs.T, rtol=1e-12, atol=1e-12)
    assert in_own_span(inputs.T) is not None
    assert torch.equal(in_own_span(inputs.T.contiguous()), inputs.T)
