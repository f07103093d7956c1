"""Every attack as its formula reads, one record after the other; the oracle of the fast forms."""

import math

import numpy as np
from scipy.stats import norm


def softplus(x):
    return math.log1p(math.exp(-abs(x))) + max(x, 0.0)


def loss(phi):
    return softplus(-phi)


def p(phi):
    return 1 / (1 + math.exp(-phi))


class Slow:
    """What one record's attack reads: ins, outs [models, A], target [A], population lists."""

    def __init__(self, signals, members, used, target, record):
        chosen = used[:, record]
        self.ins = signals[chosen & members[:, record], :, record]
        self.outs = signals[chosen & ~members[:, record], :, record]
        self.all = signals[chosen, :, record]
        self.target = target[:, record]


def lira(one):
    terms = [
        norm.logpdf(x, ins.mean(), ins.std()) - norm.logpdf(x, outs.mean(), outs.std())
        for x, ins, outs in zip(one.target, one.ins.T, one.outs.T, strict=True)
    ]
    return np.mean(terms)


def lira_offline(one, direction=1):
    return direction * np.mean((one.target - one.outs.mean(axis=0)) / one.outs.std(axis=0))


def lira_offline_two_sided(one):
    outs = one.outs
    return np.mean(
        [-norm.logpdf(x, o.mean(), o.std()) for x, o in zip(one.target, outs.T, strict=True)]
    )


def curvature_nll(one):
    total = 0.0
    for x, ins, outs in zip(one.target, one.ins.T, one.outs.T, strict=True):
        total += ((x - outs.mean()) ** 2 - (x - ins.mean()) ** 2) / (2 * ins.var())
    return total


def curvature_nll_legacy(one):
    total = 0.0
    for x, ins, outs in zip(one.target, one.ins.T, one.outs.T, strict=True):
        total += ((x - outs.mean()) ** 2 - (x - ins.mean()) ** 2) / (2 * ins.var() ** 2)
    return total


def curvature_lr_legacy(one):
    def g(x, models):
        # The variance in the place of the standard deviation.
        return norm.pdf(x, models.mean(), models.var())

    top = sum(g(x, ins) for x, ins in zip(one.target, one.ins.T, strict=True))
    bottom = sum(g(x, outs) for x, outs in zip(one.target, one.outs.T, strict=True))
    return top / (bottom + 1e-22)


def mast(one):
    means = [np.mean([loss(x) for x in side[:, 0]]) for side in (one.ins, one.outs)]
    return -(loss(one.target[0]) - sum(means) / 2)


def watson(one):
    return -(loss(one.target[0]) - np.mean([loss(x) for x in one.outs[:, 0]]))


def attack_r(one, level=1e-4):
    return -(loss(one.target[0]) - np.quantile([loss(x) for x in one.outs[:, 0]], level))


def base(one):
    return np.mean(
        [
            math.log(p(x)) - math.log(np.mean([p(y) for y in column]))
            for x, column in zip(one.target, one.all.T, strict=True)
        ]
    )


def base_offline(one, weight=0.33):
    return np.mean(
        [
            math.log(p(x)) - weight * math.log(np.mean([p(y) for y in column]))
            for x, column in zip(one.target, one.outs.T, strict=True)
        ]
    )


def base2(one):
    both = np.concatenate([one.ins, one.outs])
    return np.mean((one.target - both.mean(axis=0)) / both.var(axis=0))


def base3(one):
    total = 0.0
    for x, ins, outs in zip(one.target, one.ins.T, one.outs.T, strict=True):
        within = np.concatenate([ins - ins.mean(), outs - outs.mean()]).var()
        total += (ins.mean() - outs.mean()) / within * (x - (ins.mean() + outs.mean()) / 2)
    return total / len(one.target)


def rmia_ratio(target, models, slope=None):
    logs = []
    for x, column in zip(target, models.T, strict=True):
        mean = np.mean([p(y) for y in column])
        if slope is not None:
            mean = ((1 + slope) * mean + 1 - slope) / 2
        logs.append(math.log(p(x) / mean))
    return np.mean(logs)


def rmia(ratio, population_ratios, gamma):
    return np.mean([math.exp(ratio) / math.exp(other) > gamma for other in population_ratios])


def attack_p(value, population):
    return np.mean([0.5 * (z <= value) + 0.5 * (z < value) for z in population])


def mentr(probabilities, label):
    others = [q for c, q in enumerate(probabilities) if c != label]
    right = probabilities[label]
    return -(1 - right) * math.log(right) - sum(q * math.log(1 - q) for q in others)
