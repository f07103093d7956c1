"""Kernels written plainly: quadrature for activations, all pixels with all for images."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from scipy.integrate import quad
from scipy.special import erf, ndtr

from imprint.lenses.leave_one_out.kernels.dual_activations import dual_activation


def density(u):
    return np.exp(-(u**2) / 2) / math.sqrt(2 * math.pi)


SMOOTH = {
    "erf": (
        erf,
        lambda u: 2 / math.sqrt(math.pi) * np.exp(-(u**2)),
        lambda u: -4 * u / math.sqrt(math.pi) * np.exp(-(u**2)),
    ),
    "gelu": (
        lambda u: u * ndtr(u),
        lambda u: ndtr(u) + u * density(u),
        lambda u: (2 - u**2) * density(u),
    ),
}
"""φ, φ', φ''."""

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(150)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def expectation(first, second, k, p, q):
    """E[first(u) second(v)] by Gauss–Hermite quadrature."""
    u = math.sqrt(p) * NODES[:, None] + 0 * NODES
    v = k / math.sqrt(p) * NODES[:, None] + math.sqrt(max(q - k * k / p, 0)) * NODES
    return float(WEIGHTS @ (first(u) * second(v)) @ WEIGHTS)


def trapezoids(first, second, k, p, q, reach=9.5, step=0.04):
    """E[first(u) second(v)] of analytic functions, by trapezoids: off by exp(−2π·25·distance)."""
    z = np.arange(-reach, reach + step / 2, step)
    weights = density(z) * step
    u = math.sqrt(p) * z[:, None] + 0 * z
    v = k / math.sqrt(p) * z[:, None] + math.sqrt(max(q - k * k / p, 0)) * z
    return float(weights @ (first(u) * second(v)) @ weights)


def panels(first, second, k, p, q, order=16):
    """E[first(u) second(v)] of functions with a kink at 0, each panel on one side of both kinks."""
    points, shares = np.polynomial.legendre.leggauss(order)
    total, rest = 0.0, math.sqrt(q - k * k / p)

    def rule(edges):
        for low, high in pairwise(edges):
            yield (low + high) / 2 + (high - low) / 2 * points, (high - low) / 2 * shares

    for z, weight in rule(np.linspace(-9, 9, 19)):
        for node, share in zip(z, weight * density(z), strict=True):
            kink = -k / math.sqrt(p) * node / rest
            edges = np.unique(np.clip([*np.linspace(-9, 9, 13), kink], -9, 9))
            for w, inner in rule(edges):
                v = k / math.sqrt(p) * node + rest * w
                values = second(v) * density(w)
                total += share * float(first(np.array([math.sqrt(p) * node]))[0] * (inner @ values))
    return total


def polar(power, k, p, q):
    """E[max(u, 0)^power · max(v, 0)^power] by quadrature over the angle, power 0 or 1."""
    one = np.array([math.sqrt(p), 0.0])
    other = np.array([k / math.sqrt(p), math.sqrt(max(q - k * k / p, 0))])

    def integrand(angle):
        way = np.array([math.cos(angle), math.sin(angle)])
        a, b = one @ way, other @ way
        return (a * b) ** power if a > 0 and b > 0 else 0.0

    turn = math.atan2(other[1], other[0])
    edges = sorted([-math.pi / 2, math.pi / 2, turn - math.pi / 2])
    radial = 2 if power else 1
    return sum(quad(integrand, a, b, epsabs=1e-13, epsrel=1e-13)[0] for a, b in pairwise(edges)) * (
        radial / (2 * math.pi)
    )


def quadrature(activation, k, p, q):
    """F by quadrature."""
    if activation == "relu":
        return polar(1, k, p, q)
    if activation == "tanh":
        return trapezoids(np.tanh, np.tanh, k, p, q)
    phi, _, _ = SMOOTH[activation]
    return expectation(phi, phi, k, p, q)


def quadrature_slope(activation, k, p, q):
    """E[φ' φ'] by quadrature."""
    if activation == "relu":
        return polar(0, k, p, q)
    if activation == "tanh":
        return trapezoids(lambda u: np.cosh(u) ** -2.0, lambda v: np.cosh(v) ** -2.0, k, p, q)
    _, slope, _ = SMOOTH[activation]
    return expectation(slope, slope, k, p, q)


@dataclass
class Pair:
    """Covariances of two images, all pixels with all ``[H, W, H, W]``: between and within."""

    k: np.ndarray
    p: np.ndarray
    q: np.ndarray

    def map(self, change):
        return Pair(change(self.k), change(self.p), change(self.q))

    def __add__(self, other):
        return Pair(self.k + other.k, self.p + other.p, self.q + other.q)


def first(one, other):
    """The inputs' covariances, from two ``[C, H, W]``."""

    def inner(a, b):
        return np.einsum("chw,cij->hwij", a, b) / len(a)

    return Pair(inner(one, other), inner(one, one), inner(other, other))


def convolve(k, window, w_std, b_std, stride=1):
    """One convolution, padding SAME, window by window."""
    sizes = k.shape[:2]
    outputs = [-(-size // stride) for size in sizes]
    missing = [
        max((out - 1) * stride + window - size, 0) for out, size in zip(outputs, sizes, strict=True)
    ]
    margins = [(total // 2, total - total // 2) for total in missing]
    padded = np.pad(k, margins * 2)
    result = np.zeros(outputs * 2)
    for place in np.ndindex(*result.shape):
        a, b, c, d = (stride * index for index in place)
        for down in range(window):
            for along in range(window):
                result[place] += padded[a + down, b + along, c + down, d + along]
    return w_std**2 * result / window**2 + b_std**2


def activate(pair, activation):
    """One activation: every covariance with the variances of its two pixels."""
    dual = dual_activation(activation)
    own = [np.einsum("hwhw->hw", within) for within in (pair.p, pair.q)]

    def through(k, p, q):
        p = np.broadcast_to(p[:, :, None, None], k.shape).copy()
        q = np.broadcast_to(q[None, None], k.shape).copy()
        return dual.value(*(torch.from_numpy(values) for values in (k, p, q))).numpy()

    return Pair(
        through(pair.k, *own),
        through(pair.p, own[0], own[0]),
        through(pair.q, own[1], own[1]),
    )


def pool(k):
    """Average pool 2×2, window by window."""
    result = np.zeros([size // 2 for size in k.shape])
    for place in np.ndindex(*result.shape):
        result[place] = k[tuple(slice(2 * index, 2 * index + 2) for index in place)].mean()
    return result


def stacked(pair, depth, window, activation, w_std, b_std):
    """``depth`` × (convolution, activation)."""
    for _ in range(depth):
        pair = pair.map(lambda k: convolve(k, window, w_std, b_std))
        pair = activate(pair, activation)
    return pair


def flattened(pair):
    """What flatten and a dense layer without affine map make of the images."""
    return float(np.einsum("hwhw->hw", pair.k).mean())


def pooled(pair):
    """What a global average pool and a dense layer without affine map make of the images."""
    return float(pair.k.mean())


def myrtle(pair, blocks, activation, w_std, b_std):
    pair = stacked(pair, 1, 3, activation, w_std, b_std)
    for convolutions in blocks[:-1]:
        pair = stacked(pair, convolutions, 3, activation, w_std, b_std).map(pool)
    return stacked(pair, blocks[-1], 3, activation, w_std, b_std)


def wide_resnet(pair, w_std, b_std):
    def conv(pair, stride=1):
        return pair.map(lambda k: convolve(k, 3, w_std, b_std, stride))

    pair = conv(pair)
    for stride in (1, 2, 2):
        shortcut = conv(pair, stride)
        pair = conv(activate(conv(activate(pair, "relu"), stride), "relu")) + shortcut
        for _ in range(3):
            pair = conv(activate(conv(activate(pair, "relu")), "relu")) + pair
    return pair
