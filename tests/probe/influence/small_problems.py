import torch
from torch import nn

from imprint.probe.influence_kit.question import INFLUENCES, Trained

RECORDS, QUERIES = 30, 3


def made(network, loss="cross_entropy", classes=3, inputs=4, seed=0, **options):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(RECORDS + 3, inputs, generator=random).double()
    labels = torch.randint(0, classes, (RECORDS + 3,), generator=random)
    own = torch.tensor([3, 0, 7, 29])
    return Trained(
        network,
        x[:RECORDS],
        labels[:RECORDS],
        x[RECORDS:],
        labels[RECORDS:],
        own,
        loss,
        **{"damping": 0.05, **options},
    )


def perceptron(hidden=5, seed=1, bias=True):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(4, hidden, bias=bias), nn.GELU(), nn.Linear(hidden, 3, bias=bias)
    ).double()


def linear():
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(4, 3)).double()


def table(name, trained):
    return INFLUENCES.get(name)(trained).table.double()
