import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.importance.voting import (
    VotingOptions,
    consensus,
    count_votes,
    is_settled,
    leading_frequency,
)
from imprint.neurons.activations import Layers
from imprint.neurons.ballot import Ballot
from imprint.neurons.importance import select_in_model

LAYERS = Layers(("a", "b", "out"), (3, 3, 2))


def ballot(scores, gains, m=2):
    scores = np.array(scores, dtype=np.float64)
    chosen = tuple(select_in_model(LAYERS, row, m) for row in scores)
    names = tuple(f"m{row}" for row in range(len(scores)))
    return Ballot(LAYERS, names, scores, chosen, np.array(gains), np.zeros(len(scores)))


SCORES = [[100, 50, 0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 2, 0, 0, 0]]


def test_the_consensus_by_hand():
    """Published: w = (¼, ¾), so 25, 12.5, 1.5 and 0.75; scaled, ⅙, 1/12, ½ and ¼."""
    one = ballot(SCORES, [1.0, 3.0])
    assert consensus(one, VotingOptions(published=True)).tolist() == [0, 1, 4, 3]
    assert consensus(one, VotingOptions(m=4)).tolist() == [4, 3, 0, 1]
    assert consensus(one, VotingOptions(m=2)).tolist() == [4, 3]


def test_negative_gains_flip_published_signs_and_count_zero_otherwise():
    """w = (−1, 3)/2: −50, −25, 3, 1.5 as published; ours has the second method alone."""
    one = ballot(SCORES, [-1.0, 3.0])
    assert consensus(one, VotingOptions(published=True)).tolist() == [4, 3, 1, 0]
    assert consensus(one, VotingOptions(m=4)).tolist() == [4, 3, 0, 1]
    turned = ballot(SCORES, [-3.0, 1.0])
    assert consensus(turned, VotingOptions(published=True)).tolist()[0] == 0


def test_batches_without_loss_gain_cast_no_votes():
    assert consensus(ballot(SCORES, [-1.0, -2.0]), VotingOptions()).tolist() == []
    with pytest.raises(ImprintError, match="no batch had any loss gain"):
        count_votes([ballot(SCORES, [-1.0, -2.0])], VotingOptions())
    found = count_votes([ballot(SCORES, [0.0, 0.0]), ballot(SCORES, [0.0, 1.0])], VotingOptions())
    assert (found.batches, found.skipped) == (1, 1)


def test_coarse_votes_are_those_of_the_best_method():
    one = ballot(SCORES, [1.0, 3.0])
    for published in (True, False):
        options = VotingOptions(published=published, mode="coarse", m=2)
        assert consensus(one, options).tolist() == [4, 3]


def test_points_by_hand():
    ballots = [ballot(SCORES, [1.0, 3.0]), ballot(SCORES, [3.0, 0.1])]
    found = count_votes(ballots, VotingOptions(m=2))
    assert found.votes.tolist() == [2, 1, 0, 1, 2, 0, 0, 0]
    assert found.leading(2).named() == [("a", 0), ("b", 1)]
    assert found.wins == {"m0": 1, "m1": 1}
    assert found.mean_gains == pytest.approx({"m0": 2.0, "m1": 1.55})


def test_published_votes_add_up():
    """Each batch gives K (K + 1) / 2 points once the union holds K neurons."""
    random = np.random.default_rng(0)
    layers = Layers(("a", "out"), (40, 2))
    ballots = []
    for _ in range(30):
        scores = random.normal(size=(8, 42))
        chosen = tuple(select_in_model(layers, row, 10) for row in scores)
        ballots.append(
            Ballot(layers, tuple("abcdefgh"), scores, chosen, random.normal(size=8), np.zeros(8))
        )
    found = count_votes(ballots, VotingOptions(published=True))
    assert found.votes.sum() == 30 * 55
    assert found.votes[40:].tolist() == [0, 0]


def test_short_unions_give_fewer_points():
    found = count_votes([ballot(SCORES, [1.0, 3.0])], VotingOptions(published=True))
    assert sorted(found.votes[found.votes > 0].tolist()) == [7, 8, 9, 10]


def test_the_count_ends_when_the_leaders_stay():
    def endless():
        while True:
            yield ballot(SCORES, [1.0, 3.0])

    found = count_votes(endless(), VotingOptions(m=2, window=5))
    assert found.settled
    assert found.batches == 6
    whole = [ballot(SCORES, [1.0, 3.0])] * 9
    assert not count_votes(whole, VotingOptions(m=2, window=0)).settled
    assert count_votes(whole, VotingOptions(published=True, window=5)).batches == 9


def test_settled_means_that_every_one_of_the_window_agrees():
    same, other = frozenset({1, 2, 3}), frozenset({1, 2, 4})
    options = VotingOptions(window=2)
    assert is_settled([other, same, same, same], options)
    assert not is_settled([other, same, same], options)
    assert not is_settled([same, same], options)
    assert is_settled([other, same, same], VotingOptions(window=2, agreement=0.5))


def test_frequency_separates_certain_leaders_from_close_ones():
    rows = [np.array([0, 1])] * 10 + [np.array([0, 2])] * 10
    found = leading_frequency(LAYERS, rows, VotingOptions(m=2, draws=400))
    assert found[0] == 1
    assert found[1] + found[2] == pytest.approx(1)
    # Neuron 1 leads where it is drawn at least as often: P(X ≥ 10) of a binomial (20, ½) is 0.588.
    assert abs(found[1] - 0.588) < 4 * np.sqrt(0.588 * 0.412 / 400)


def test_options_are_checked():
    for wrong in ({"mode": "both"}, {"m": 0}, {"agreement": 0.0}):
        with pytest.raises(ImprintError):
            VotingOptions(**wrong)
