import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from imprint.train.objectives.simclr import nt_xent
from tests.train.objectives.embeddings import views


def test_simclr_equals_its_definition():
    first, second = views(1)
    everyone = F.normalize(torch.cat([first, second]), dim=1)
    rows = len(first)
    losses = []
    for i in range(2 * rows):
        partner = (i + rows) % (2 * rows)
        scores = [float(everyone[i] @ everyone[j]) / 0.2 for j in range(2 * rows)]
        others = [score for j, score in enumerate(scores) if j != i]
        losses.append(-scores[partner] + math.log(sum(math.exp(score) for score in others)))
    assert float(nt_xent(first, second, 0.2)) == pytest.approx(np.mean(losses), rel=1e-10)
