import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.importance.selector import Selector, SelectorOptions

METHODS, SCOPES = ("la", "lrp", "ldl"), ("conv", "fc")
OPTIONS = SelectorOptions(widths=(16,), epochs=20, learning_rate=1e-2)


def problem(count=300, seed=0):
    """The best method is the largest of three features in one scope, the next one in the other."""
    features = np.random.default_rng(seed).normal(size=(count, 5)).astype(np.float32)
    best = features[:, :3].argmax(1)
    return features, np.stack([best, (best + 1) % 3], axis=1).astype(np.int64)


def test_a_selector_learns_a_learnable_rule_and_no_random_one():
    features, best = problem()
    selector = Selector(METHODS, SCOPES, OPTIONS).fit(features, best)
    held_out, truth = problem(seed=1)
    right = (selector.predict(held_out) == truth).mean(0)
    assert right.shape == (2,)
    assert right.min() > 0.85
    noise = np.random.default_rng(2).permutation(best)
    blind = Selector(METHODS, SCOPES, OPTIONS).fit(features, noise)
    # Chance is 1/3; 300 inputs lie within 0.13 of it with a probability above 1 − 10⁻⁵.
    assert abs((blind.predict(held_out) == truth).mean() - 1 / 3) < 0.13


def test_the_seed_decides(tmp_path):
    features, best = problem(100)
    one, same = (Selector(METHODS, SCOPES, OPTIONS).fit(features, best) for _ in range(2))
    assert torch.equal(one.network[0].weight, same.network[0].weight)
    one.save(tmp_path / "selector.safetensors")
    loaded = Selector.load(tmp_path / "selector.safetensors")
    assert (loaded.methods, loaded.scopes, loaded.options) == (METHODS, SCOPES, OPTIONS)
    assert np.array_equal(loaded.predict(features), one.predict(features))


def test_constant_features_do_no_harm():
    features, best = problem(50)
    features[:, 4] = 3
    assert np.isfinite(
        Selector(METHODS, SCOPES, OPTIONS).fit(features, best).predict(features)
    ).all()


def test_bad_input_is_refused(tmp_path):
    features, best = problem(20)
    selector = Selector(METHODS, SCOPES, OPTIONS)
    with pytest.raises(ImprintError, match="not trained"):
        selector.predict(features)
    with pytest.raises(ImprintError, match="needs a best method"):
        selector.fit(features, best[:, 0])
    with pytest.raises(ImprintError, match="number the 3 methods"):
        selector.fit(features, best + 1)
    with pytest.raises(ImprintError, match="trained on 5 features"):
        selector.fit(features, best).predict(features[:, :3])
    with pytest.raises(ImprintError, match="two methods"):
        Selector(("la",), SCOPES)
    with pytest.raises(ImprintError, match="weights are written"):
        selector.save(tmp_path / "selector.pt")
    selector.save(tmp_path / "selector.safetensors")
    (tmp_path / "selector.json").write_text("{}")
    with pytest.raises(ImprintError, match="does not hold a selector"):
        Selector.load(tmp_path / "selector.safetensors")
