import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.data.tags.annotation import Annotator
from imprint.probe.annotators.zero_shot import TagList, load_tagger, read_tag_list
from tests.probe.annotators.taggers import WORDS, tag_list


def crops(count: int = 5, side: int = 32, channels: int = 3):
    shape = (count, channels, side, side)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def oracle(library, folder, pixels, prompts):
    """Scores of the library's own forward pass, all tags and crops at once, prompt by prompt."""
    model = library.AutoModelForZeroShotImageClassification.from_pretrained(folder).eval()
    processor = library.AutoProcessor.from_pretrained(folder)
    siglip = model.config.model_type == "siglip"
    inputs = processor(
        images=list(pixels.transpose(0, 2, 3, 1)),
        text=[prompts.format(word) for word in WORDS],
        padding="max_length" if siglip else True,
        return_tensors="pt",
    )
    with torch.no_grad():
        logits = model(**inputs).logits_per_image
    return (logits.sigmoid() if siglip else logits.softmax(dim=1)).numpy()


@pytest.mark.parametrize("kind", ["clip", "siglip"])
@pytest.mark.parametrize("side", [32, 48])
def test_scores_are_those_of_the_librarys_own_pass(library, folders, kind, side) -> None:
    tagger = load_tagger(folders[kind], tag_list(), ["a photo of {}"], batch_size=2)
    pixels = crops(side=side)
    expected = oracle(library, folders[kind], pixels, "a photo of {}")
    assert expected.std(axis=1).min() > 1e-5
    found = np.concatenate([tagger.scores(pixels[:2]), tagger.scores(pixels[2:])])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert isinstance(tagger, Annotator)
    assert (tagger.side, tagger.name) == (32, f"zero_shot:{kind}")


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_the_best_tags_above_their_threshold_are_kept(folders, kind) -> None:
    pixels = crops()
    scores = load_tagger(folders[kind], tag_list(), top=5).scores(pixels)
    least = np.sort(scores, axis=0)[1:3].mean(axis=0)  # between two scores: no tie to round
    tagger = load_tagger(folders[kind], TagList(WORDS, least), top=2, batch_size=3)
    tags = tagger.annotate(pixels)
    assert tags.vocabulary == WORDS
    for row, own in enumerate(scores):
        best = [tag for tag in np.argsort(-own, kind="stable") if own[tag] >= least[tag]][:2]
        found = tags.words(row)
        assert [word for word, _ in found] == [WORDS[tag] for tag in best]
        assert [score for _, score in found] == pytest.approx(own[best])


def test_a_batch_changes_nothing_and_gray_is_colour_without_colour(folders) -> None:
    pixels = crops(channels=1)
    one = load_tagger(folders["clip"], tag_list(), batch_size=1).annotate(pixels)
    all_at_once = load_tagger(folders["clip"], tag_list()).annotate(np.repeat(pixels, 3, axis=1))
    assert one.offsets.tolist() == all_at_once.offsets.tolist() == [0, 5, 10, 15, 20, 25]
    np.testing.assert_allclose(one.scores, all_at_once.scores, atol=1e-6)
    assert len(load_tagger(folders["clip"], tag_list()).annotate(crops(0))) == 0


def test_several_prompts_are_averaged(library, folders) -> None:
    both = load_tagger(folders["clip"], tag_list(), ["a photo of {}", "{}."])
    parts = [load_tagger(folders["clip"], tag_list(), [p]).words for p in ("a photo of {}", "{}.")]
    mean = (parts[0] + parts[1]) / 2
    expected = mean / mean.norm(dim=1, keepdim=True)
    assert torch.allclose(both.words, expected, atol=1e-6)
    assert not torch.allclose(both.words, parts[0], atol=1e-3)


def test_a_list_of_tags_with_thresholds_of_their_own(tmp_path) -> None:
    (tmp_path / "tags.txt").write_text("sky\nsea\t0.25\n\n a dog \n")
    tags = read_tag_list(tmp_path / "tags.txt", threshold=0.5)
    assert tags.words == ("sky", "sea", "a dog")
    assert tags.thresholds.tolist() == [0.5, 0.25, 0.5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n", "holds no tag"),
        ("sky\nsky\n", "holds the tag 'sky' twice"),
        ("sky\nsea\thigh\n", "line 2: 'high' is not a threshold"),
    ],
)
def test_bad_lists_of_tags(tmp_path, text, message) -> None:
    (tmp_path / "tags.txt").write_text(text)
    with pytest.raises(ImprintError, match=message):
        read_tag_list(tmp_path / "tags.txt")


def test_unusable_folders_and_prompts_are_rejected(folders, tmp_path) -> None:
    with pytest.raises(ImprintError, match=r"no folder .*none: download the model there first"):
        load_tagger(tmp_path / "none", tag_list())
    with pytest.raises(ImprintError, match="cannot load ZeroShotImageClassification from"):
        load_tagger(folders["detector"], tag_list())
    with pytest.raises(ImprintError, match="the prompt 'a photo' has no place for the tag"):
        load_tagger(folders["clip"], tag_list(), ["a photo"])
    with pytest.raises(ImprintError, match="top and batch_size must be at least 1, got 0 and 64"):
        load_tagger(folders["clip"], tag_list(), top=0)
