import torch

from imprint.probe.attribution.attribution_options import AttributionOptions
from tests.probe.attribution.networks import Modules, ask, build, compute


def test_ablation_against_one_channel_at_a_time():
    model = build(Modules)
    question = ask(model, AttributionOptions(rows=13))
    found = compute("lfa", question)
    for channel in range(5):

        def without(module, arguments, output, channel=channel):
            output = output.clone()
            output[:, channel] = 0
            return output

        handle = model.conv2.register_forward_hook(without)
        with torch.no_grad():
            left = question.explained(model(question.inputs))
        handle.remove()
        drop = question.explained(question.seen.logits) - left
        torch.testing.assert_close(found["conv2"][:, channel], drop.detach())
    sampled = compute("lfa", ask(build(Modules), AttributionOptions(channels=2)))
    assert sampled["conv2"].isnan().sum() == 6 * 3
    kept = ~sampled["conv2"].isnan()
    torch.testing.assert_close(sampled["conv2"][kept], found["conv2"][kept])
