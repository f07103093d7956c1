import pytest

from imprint.core.errors import ImprintError
from imprint.train.retrain_options import RetrainOptions


def test_the_rate_falls_to_a_tenth_at_each_share_of_the_epochs() -> None:
    options = RetrainOptions(epochs=50, learning_rate=1.0, drops=(0.5, 0.7))
    assert [options.rate(epoch) for epoch in (0, 24, 25, 34, 35)] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01]
    )


@pytest.mark.parametrize("changes", [{"width": 0}, {"learning_rate": 0.0}, {"drops": (1.5,)}])
def test_impossible_options_are_rejected(changes) -> None:
    with pytest.raises(ImprintError, match=next(iter(changes))):
        RetrainOptions(**changes)


@pytest.mark.parametrize("rate", [0.0, float("nan"), 1e300, 1e-300])
def test_learning_rates_have_room_in_float32(rate) -> None:
    message = r"learning_rate must be (in .1e-20, 1e.20.|a finite number)"
    with pytest.raises(ImprintError, match=message):
        RetrainOptions(learning_rate=rate)


@pytest.mark.parametrize("share", [float("nan"), -1.0, 1.5])
def test_drops_are_shares_of_the_epochs(share) -> None:
    with pytest.raises(ImprintError, match=r"drops must be (in .0, 1.|a finite number)"):
        RetrainOptions(drops=(0.5, share))
