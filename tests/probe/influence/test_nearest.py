import numpy as np
import pytest
import torch

from imprint.probe.influence_kit.question import INFLUENCES
from tests.probe.influence.small_problems import RECORDS, linear, made


def test_nearest_by_counting():
    trained = made(linear())
    found = INFLUENCES.get("nearest")(trained)
    gaps = torch.cdist(trained.queries, trained.inputs).numpy()
    for query in range(len(gaps)):
        closest = set(np.argsort(gaps[query])[:10])
        for row in range(RECORDS):
            sign = 1 if trained.labels[row] == trained.query_labels[query] else -1
            expected = sign / 10 if row in closest else 0
            assert float(found.table[row, query]) == pytest.approx(expected)
