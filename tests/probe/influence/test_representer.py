import pytest

from tests.probe.influence.small_problems import linear, made, table


def test_representer_by_hand():
    trained = made(linear())
    p = trained.network(trained.inputs).softmax(1).detach()
    row, query = 3, 2
    label = int(trained.query_labels[query])
    left = float(trained.labels[row] == label) - float(p[row, label])
    dot = float(trained.inputs[row] @ trained.queries[query])
    assert float(table("representer", trained)[row, query]) == pytest.approx(dot * left, rel=1e-9)
