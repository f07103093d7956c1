import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from imprint.data.sources.composite import composite
from imprint.nets.load import read_card
from imprint.train.collapse import collapse_news, has_collapsed, spreads
from imprint.train.loop import train
from imprint.train.objectives.simclr import SimCLR
from imprint.train.objectives.vicreg import VICReg
from imprint.train.options import TrainOptions

CPU = torch.device("cpu")
OPTIONS = TrainOptions(
    architecture_options=(("width", "4"), ("depth", "1")),
    projector="8-4",
    epochs=6,
    warmup_epochs=0,
    batch_size=20,
    snapshot_every=0,
)


def test_spreads_equal_their_definition():
    random = torch.Generator().manual_seed(0)
    rows = torch.randn(9, 4, generator=random) + 1
    unit = [[float(x) / math.sqrt(float(row @ row)) for x in row] for row in rows]
    for found, values in zip(spreads(rows), (rows.tolist(), unit), strict=True):
        deviations = [
            math.sqrt(
                sum((row[j] - sum(other[j] for other in values) / 9) ** 2 for row in values) / 8
            )
            for j in range(4)
        ]
        scale = 1 if values is not unit else math.sqrt(4)
        assert float(found) == pytest.approx(scale * sum(deviations) / 4, rel=1e-5)


def test_even_directions_spread_by_one_and_a_point_by_nothing():
    signs = torch.cat([torch.eye(8), -torch.eye(8)]).repeat(500, 1)
    assert float(spreads(7 * signs)[1]) == pytest.approx(1, rel=1e-3)
    assert spreads(torch.full((5, 3), 2.0)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("kind", "embedding_std", "direction_std", "collapsed"),
    [
        (VICReg, 0.5, 0.001, False),
        (VICReg, 0.001, 0.9, True),
        (SimCLR, 0.001, 0.9, False),
        (SimCLR, 0.5, 0.001, True),
    ],
)
def test_each_objective_is_judged_by_what_it_looks_at(
    kind, embedding_std, direction_std, collapsed
):
    objective = kind(None, kind.Options())
    line = {"embedding_std": embedding_std, "direction_std": direction_std}
    assert has_collapsed(objective, line) == collapsed


def test_a_collapse_is_logged_when_it_first_shows_and_when_training_ends_in_it():
    objective = VICReg(None, VICReg.Options())
    log = [
        {"epoch": epoch, "embedding_std": 1e-4 if collapsed else 1.0, "collapsed": collapsed}
        for epoch, collapsed in enumerate([False, True, True, False, True, True], start=1)
    ]
    told = [bool(collapse_news(log[:done], 6, objective, "A")) for done in range(1, 7)]
    assert told == [False, True, False, False, False, True]
    assert "A collapsed in epoch 2: the standard deviation" in collapse_news(
        log[:2], 6, objective, "A"
    )


def test_a_run_that_collapses_says_so_in_its_log_and_card(tmp_path, capsys):
    # Without variance and covariance nothing keeps the embeddings of two images apart.
    falling = replace(
        OPTIONS,
        epochs=30,
        learning_rate=0.5,
        objective_options=(("variance", "0"), ("covariance", "0")),
    )
    for name, options in (("falling", falling), ("fine", OPTIONS)):
        train(composite(40), np.arange(40), options, tmp_path / name, 0, CPU, name)
    log = [json.loads(line) for line in (tmp_path / "falling" / "log.jsonl").open()]
    assert not log[0]["collapsed"]
    assert log[-1]["collapsed"]
    assert log[-1]["embedding_std"] < 0.01
    assert read_card(tmp_path / "falling" / "final.safetensors").training["collapsed"] is True
    fine = read_card(tmp_path / "fine" / "final.safetensors").training
    assert fine["collapsed"] is False
    assert fine["direction_std"] > 0.1
    told = [line for line in capsys.readouterr().err.splitlines() if "collapsed" in line]
    assert all(line.startswith("falling collapsed in epoch") for line in told)
    assert len(told) == 2
