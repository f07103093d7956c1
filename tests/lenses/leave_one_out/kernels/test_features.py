import torch

from imprint.lenses.leave_one_out.kernels.kernel import KERNELS


def test_features_by_hand() -> None:
    x = torch.tensor([[3.0, 4.0], [4.0, 3.0], [0.0, 0.0]], dtype=torch.float64)
    linear = torch.tensor([[25, 24, 0], [24, 25, 0], [0, 0, 0]], dtype=torch.float64)
    cosine = torch.tensor([[1, 0.96, 0], [0.96, 1, 0], [0, 0, 0]], dtype=torch.float64)
    features = KERNELS.get("features")
    torch.testing.assert_close(features()(x), linear / 2, rtol=1e-14, atol=0)
    torch.testing.assert_close(features(similarity="cosine")(x), cosine, rtol=1e-14, atol=0)
