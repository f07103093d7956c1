import numpy as np

from imprint.lenses.coverage.criterion import sign_patterns
from imprint.lenses.coverage.criterion.sign_patterns import SignPatterns


def packed(*rows: str) -> np.ndarray:
    return np.packbits([[int(bit) for bit in row] for row in rows], axis=1)


def test_inputs_of_one_pattern_gather_the_signs_of_the_next_layer() -> None:
    patterns = SignPatterns.of(3, packed("101", "101", "000"), packed("10", "01", "11"))
    (row,) = np.flatnonzero((patterns.patterns == packed("101")).all(1))
    assert patterns.positive[row] == packed("11")
    assert patterns.negative[row] >> 6 == 0b11
    assert len(patterns.patterns) == 2


def test_neighbours_differ_in_exactly_one_neuron(monkeypatch) -> None:
    random = np.random.default_rng(0)
    bits = random.integers(0, 2, (40, 6))
    own = np.packbits(bits, axis=1)
    patterns = SignPatterns.of(6, own, own)
    known = np.unpackbits(patterns.patterns, axis=1, count=6)
    expected = {
        (row, int(np.flatnonzero(bits[row] != other)[0]), place)
        for row in range(40)
        for place, other in enumerate(known)
        if (bits[row] != other).sum() == 1
    }
    monkeypatch.setattr(sign_patterns, "LOOKUPS", 30)
    parts = list(patterns.neighbours(own))
    columns = [
        np.concatenate([getattr(part, name) for part in parts]).tolist()
        for name in ("rows", "neurons", "patterns")
    ]
    pairs = set(zip(*columns, strict=True))
    assert pairs == expected
