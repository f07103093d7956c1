from imprint.data.sources.registry import layouts


def test_every_layout_is_registered():
    assert layouts.names() == [
        "arrays",
        "cifar",
        "folder",
        "huggingface",
        "imagenet",
        "imagenet_index",
        "mnist",
        "packed",
        "tiny_imagenet",
        "webdataset",
    ]
