"""Runs as Feldman and Zhang released them, their entries in an order of no meaning."""

import numpy as np


def aux_arrays(members, correct, test_correct, random):
    """Return the arrays of one run from what stands in the order of indices."""
    parts = {
        "train": (np.flatnonzero(members), correct),
        "removed": (np.flatnonzero(~members), correct),
        "test": (np.arange(len(test_correct)), test_correct),
    }
    arrays = {"subsample_idx": random.permutation(np.flatnonzero(members))}
    for name, (index, values) in parts.items():
        shuffled = random.permutation(index)
        arrays[f"index_{name}"] = shuffled
        arrays[f"correctness_{name}"] = values[shuffled]
    return arrays


def put_runs(folder, members, correct, test_correct, seed=0):
    random = np.random.default_rng(seed)
    for run, arrays in enumerate(zip(members, correct, test_correct, strict=True)):
        (folder / str(run)).mkdir(parents=True)
        np.savez(folder / str(run) / "aux_arrays.npz", **aux_arrays(*arrays, random))


def random_ensemble(models, records, tests, seed=0, inclusion=0.7):
    random = np.random.default_rng(seed)
    return (
        random.random((models, records)) < inclusion,
        random.random((models, records)) < 0.6,
        random.random((models, tests)) < 0.5,
    )
