import numpy as np


def noise(n, seed=0, channels=3, side=32):
    return np.random.default_rng(seed).integers(0, 256, (n, channels, side, side), dtype=np.uint8)


def flat(*colours):
    return np.stack(
        [np.full((32, 32, 3), colour, np.uint8).transpose(2, 0, 1) for colour in colours]
    )
