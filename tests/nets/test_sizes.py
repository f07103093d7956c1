from imprint.nets.sizes import RESNET_STAGES, VGG_CONVOLUTIONS


def test_depths_count_the_layers_with_weights() -> None:
    """Two a basic block, three a bottleneck, with stem and classifier; VGG has 3 linear layers."""
    per_block = {"basic": 2, "bottleneck": 3}
    assert all(
        depth == per_block[kind] * sum(blocks) + 2
        for depth, (kind, blocks) in RESNET_STAGES.items()
    )
    assert all(depth == sum(counts) + 3 for depth, counts in VGG_CONVOLUTIONS.items())
