import torch
from torch import nn
from torch.nn import functional as F

from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.layer_attribution import ATTRIBUTORS, Question
from imprint.probe.neurons.layer_outputs import LayerOutputs


class Modules(nn.Module):
    """Every non-linearity a module of its own, as Captum needs it."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(4)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(4, 5, 3)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.AvgPool2d(2)
        self.fc1 = nn.Linear(5, 7)
        self.relu3 = nn.ReLU()
        self.fc2 = nn.Linear(7, 4)

    def forward(self, x):
        x = self.pool1(self.relu1(self.bn1(self.conv1(x))))
        x = self.pool2(self.relu2(self.conv2(x)))
        return self.fc2(self.relu3(self.fc1(x.flatten(1))))


class Functions(Modules):
    """The same network with functional and in-place non-linearities."""

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x)), inplace=True), 2)
        x = F.avg_pool2d(self.conv2(x).relu_(), 2)
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))


class Residual(nn.Module):
    def __init__(self, activation=F.relu):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.inner = nn.Conv2d(4, 4, 3, padding=1)
        self.gate = nn.Linear(4, 4)
        self.head = nn.Linear(4, 4)
        self.activation = activation

    def forward(self, x):
        x = self.stem(x)
        x = self.activation(x)
        update = self.inner(x)
        update += x
        maps = self.activation(update)
        maps = F.max_pool2d(maps, 3, stride=2, padding=1)
        pooled = maps.mean((2, 3))
        return self.head(pooled * torch.sigmoid(self.gate(pooled)))


def build(kind, **options):
    torch.manual_seed(1)
    model = kind(**options).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            with torch.no_grad():
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
                module.weight.normal_()
                module.bias.normal_()
    return model


def ask(model, options=None, count=6, ids=None, pool=None, seed=0):
    random = torch.Generator().manual_seed(seed)
    inputs = torch.randn(count, 3, 8, 8, generator=random)
    labels = torch.randint(0, 4, (count,), generator=random)
    ids = torch.arange(count) if ids is None else ids
    for weight in model.parameters():
        weight.requires_grad_(False)
    return Question(
        LayerOutputs(model),
        inputs,
        labels,
        ids,
        torch.zeros(1, 3, 8, 8),
        pool,
        options or AttributionOptions(),
    )


def compute(name, question):
    return dict(ATTRIBUTORS.get(name).compute(question))


def close(found, wanted, tolerance=1e-4):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        size = value.abs().max()
        assert size > 0
        assert (found[name] - value).abs().max() <= tolerance * size, name
