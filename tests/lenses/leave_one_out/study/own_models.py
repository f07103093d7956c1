"""Small models of every task, with members and non-members."""

import numpy as np
import torch
from torch import nn

from imprint.data.records.records import ArrayRows, Records
from imprint.nets.predictor.predictor import ModelSettings, as_predictor
from imprint.observation.audited_model import AuditedModel

MEMBERS, OTHERS = 24, 12


def network(outputs=3, seed=0, inputs=5):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(inputs, 8), nn.ReLU(), nn.Linear(8, outputs))


def targets_of(task, count, random):
    if task == "classification":
        return np.arange(count) % 3
    if task == "multi_label":
        return random.integers(0, 2, (count, 3))
    return random.normal(size=count)


def own_model(task="classification", model=None, kind=None, checkpoints=(), inputs=None):
    random = np.random.default_rng(0)
    count = MEMBERS + OTHERS
    values = random.normal(size=(count, 5)).astype(np.float32) if inputs is None else inputs
    values[1] = values[0]
    values[MEMBERS] = values[2]
    targets = targets_of(task, count, random)
    targets[1] = targets[0]
    if model is None:
        model = network(1 if task == "regression" else 3)
    if kind is None and task == "regression":
        kind = "values"
    classes = () if task == "regression" else ("a", "b", "c")

    def records(rows, name):
        return Records(ArrayRows(values[rows]), targets[rows], task, classes, name)

    members = records(slice(0, MEMBERS), "members")
    others = records(slice(MEMBERS, count), "non_members")
    predictor = as_predictor(model, ModelSettings(kind=kind))
    return AuditedModel(predictor, members, others, others, checkpoints=checkpoints)
