import pytest


@pytest.fixture(scope="module")
def library():
    return pytest.importorskip("transformers", reason="needs the extra models: transformers")


@pytest.fixture(scope="module")
def folders(library, tmp_path_factory):
    """Folders of tiny models, by kind: detectors and taggers."""
    from tests.probe.annotators import tiny_models

    root = tmp_path_factory.mktemp("models")
    return {
        "grounding-dino": tiny_models.save_grounding_dino(root / "gd", library),
        "detector": root / "gd",
        "owlvit": tiny_models.save_owl(root / "owlvit", library, "owlvit"),
        "owlv2": tiny_models.save_owl(root / "owlv2", library, "owlv2"),
        "clip": tiny_models.save_clip(root / "clip", library),
        "siglip": tiny_models.save_siglip(root / "siglip", library),
    }
