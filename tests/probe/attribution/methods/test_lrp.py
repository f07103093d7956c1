import pytest

from tests.probe.attribution.networks import (
    Modules,
    ask,
    build,
    close,
    compute,
)


@pytest.mark.filterwarnings("ignore")
def test_lrp_is_gradient_times_activation_and_captum_agrees():
    pytest.importorskip("captum")
    from captum.attr import LayerLRP

    question = ask(build(Modules))
    found = compute("lrp", question)
    model = build(Modules)
    for layer in ("conv1", "conv2", "fc1"):
        # Captum has no rule for Flatten modules; the network flattens by a function.
        wanted = LayerLRP(model, getattr(model, layer)).attribute(
            question.inputs.clone(), question.labels
        )
        close({layer: found[layer]}, {layer: wanted.detach()})
