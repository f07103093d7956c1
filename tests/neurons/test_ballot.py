import numpy as np

from imprint.neurons.activations import Layers
from imprint.neurons.ballot import Ballot
from imprint.neurons.importance import select


def test_a_ballot_keeps_the_best_neurons_of_each_method_by_layer() -> None:
    layers = Layers(("a", "b"), (2, 3))
    scores = np.array([[0.0, 3.0, 1.0, 0.0, 2.0], [5.0, 0.0, 0.0, 4.0, 0.0]])
    picks = tuple(select(layers, row, 2, ("a", "b")) for row in scores)
    ballot = Ballot(layers, ("la", "lrp"), scores, picks, np.zeros(2), np.zeros(2))
    assert [pick.by_layer() for pick in ballot.chosen] == [
        {"a": [1], "b": [2]},
        {"a": [0], "b": [1]},
    ]
