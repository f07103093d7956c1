import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.posterior.targets import centred_one_hot


def test_columns_sum_to_nothing_and_the_class_is_largest():
    labels = torch.tensor([2, 0, 1, 2])
    targets = centred_one_hot(labels, 3)
    assert targets.dtype == torch.float64
    assert targets.sum(1).abs().max() < 1e-15
    assert targets.argmax(1).tolist() == labels.tolist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.tensor([0.0, 1.0]), 2), "labels must be integers"),
        ((torch.tensor([[0, 1]]), 2), "labels must be integers"),
        ((torch.tensor([0, 2]), 2), "from 0 to 2"),
        ((torch.tensor([-1, 1]), 2), "from -1 to 1"),
        ((torch.tensor([0, 0]), 1), "nothing to distinguish"),
        ((torch.tensor([0, 1]), 3, "contrast"), "needs 2 classes"),
    ],
)
def test_what_does_not_fit(arguments, message):
    with pytest.raises(ImprintError, match=message):
        centred_one_hot(*arguments)
