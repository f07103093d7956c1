"""Fits from arrays on the command line, and the same models refitted without a record."""

import numpy as np
import pytest

from imprint.cli import main

RECORDS, QUERIES, WIDTH, NOISE = 24, 5, 6, 0.1


MEASURES = ("kl_out_in", "kl_in_out", "auc", "mean_distance", "variance_out", "certificate")


def words(file, out, *more):
    network = ["--kernel", "fc", "--activation", "relu", "--depth", "5"]
    weights = ["--w-std", "1.4142135", "--b-std", "0"]
    start = ["leave-one-out", "fit", "--arrays", str(file), "--out", str(out)]
    return [*start, *network, *weights, *(more or ("--noise", "0.1"))]


def plain_kernel(x, other, depth=5, w_std=1.4142135):
    """The recursion of an infinitely wide ReLU network, from its definition, without bias."""

    def dual(k, p, q):
        cosine = np.clip(k / np.sqrt(p * q), -1, 1)
        angle = np.arccos(cosine)
        return np.sqrt(p * q) / (2 * np.pi) * (np.sin(angle) + (np.pi - angle) * cosine)

    scale = w_std**2
    k, p, q = (
        scale * product / x.shape[1]
        for product in (x @ other.T, (x**2).sum(1)[:, None], (other**2).sum(1)[None])
    )
    for _ in range(depth):
        k, p, q = scale * dual(k, p, q), scale * p / 2, scale * q / 2
    return k


def refit(arrays, rows, queried):
    """Mean [c] and variance at one input of the model of some rows."""
    targets = np.eye(2)[(arrays["y"] == 3).astype(int)] - 0.5
    x = arrays["x"][rows]
    matrix = plain_kernel(x, x) + NOISE * np.eye(len(rows))
    cross = plain_kernel(queried[None], x)
    solved = np.linalg.solve(matrix, cross.T).T
    variance = plain_kernel(queried[None], queried[None]) - solved @ cross.T
    return (solved @ targets[rows])[0], float(variance[0, 0])


def kl(first, second):
    """KL of two laws with one variance for all outputs."""
    (mean, variance), (other_mean, other) = first, second
    ratio = variance / other
    shift = ((mean - other_mean) ** 2).sum() / other
    return 0.5 * (len(mean) * (ratio - 1 - np.log(ratio)) + shift)


def values_of(without, whole, label):
    shift = whole[0] - without[0]
    target = np.eye(2)[label] - 0.5
    return {
        "kl_out_in": kl(without, whole),
        "kl_in_out": kl(whole, without),
        "mean_distance": 0.5 * np.mean(shift**2),
        "variance_out": without[1],
        "residual_norm": np.linalg.norm(target - without[0]),
        "memorization": shift[label],
        "leverage": 1 - whole[1] / without[1],
        "prediction_out": without[0].argmax(),
    }


def refused(arguments, capsys):
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    return shown
