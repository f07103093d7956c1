import torch

from imprint.probe.attribution.attribution_options import AttributionOptions
from tests.probe.attribution.networks import (
    Functions,
    Modules,
    ask,
    build,
    compute,
)


def test_random_scores_are_those_of_the_seed_and_say_nothing_of_inputs():
    model = build(Modules)
    first = compute("random", ask(model, AttributionOptions(seed=1)))
    again = compute("random", ask(build(Functions), AttributionOptions(seed=1)))
    other = compute("random", ask(model, AttributionOptions(seed=2)))
    for name, scores in first.items():
        assert torch.equal(scores, again[name])
        assert torch.equal(scores, scores[:1].expand_as(scores))
        assert not torch.equal(scores, other[name])
        assert 0 <= float(scores.min()) <= float(scores.max()) < 1
