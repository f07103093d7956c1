"""The public namespace of the déjà vu lens."""

import numpy as np
import pytest
import torch

import imprint
from imprint import dejavu
from imprint.core.errors import ImprintError

PUBLIC = {"public": [[0.0], [1.0], [2.0], [3.0]], "public_labels": [0, 1, 2, 2]}
CROPS = {"crops_target": [[0.1], [1.1], [2.4], [0.2]], "labels": [0, 1, 2, 1]}
FIRST = [[0.8, 0.1, 0.1], [0.6, 0.2, 0.2], [0.5, 0.3, 0.2], [0.1, 0.8, 0.1]]
SECOND = [[0.1, 0.1, 0.8], [0.1, 0.8, 0.1], [0.4, 0.3, 0.3], [0.8, 0.1, 0.1]]


@pytest.fixture
def two():
    """The reference gets the first crop right alone; the target the first three."""
    reference = [[0.1], [2.1], [0.1], [0.2]]
    return dejavu.two_model(**PUBLIC, **CROPS, crops_reference=reference, k=1, top_percent=[100])


def test_the_namespace_is_an_attribute_of_the_package_and_all_names_are_there():
    assert imprint.dejavu is dejavu
    for name in dejavu.__all__:
        assert getattr(dejavu, name) is not None


def test_two_models_by_hand(two):
    estimates = two.findings.two_model["100"]
    assert estimates.target_accuracy.value == 0.75
    assert estimates.reference_accuracy.value == 0.25
    names = [dejavu.CATEGORIES[place] for place in two.categories]
    assert names == ["correlated", "memorized", "memorized", "unassociated"]
    assert two.findings.significance.memorized == 2


def test_a_result_prints_and_makes_a_frame_and_a_figure(two):
    text = str(two)
    assert text.startswith("Two-model déjà vu test")
    assert "Memorized" in text
    assert "+50.0" in text
    assert two.to_records()[0]["top_100"] == 0.5
    assert "<table" in two._repr_html_()
    assert two.plot().axes


def test_one_model_takes_one_reference_or_several_by_name():
    alone = dejavu.one_model(**PUBLIC, **CROPS, reference_probs=FIRST, k=1)
    assert list(alone.findings.against) == ["reference", "strictest"]
    assert alone.rank.tolist()[0] == alone.rank.tolist()[3] == -1
    assert alone.explained.tolist() == [True, False, False, True]
    several = dejavu.one_model(
        **PUBLIC, **CROPS, reference_probs={"tags": FIRST, "head": SECOND}, k=1
    )
    assert list(several.findings.against) == ["tags", "head", "combined", "strictest"]
    assert several.findings.claims.memorized == 1
    assert "tags" in str(several)
    assert len(several.figures()) == 2


def test_non_members_and_excluded_images_are_arrays_too():
    result = dejavu.one_model(
        **PUBLIC, **CROPS, reference_probs=FIRST, k=1, members=[1, 1, 0, 0], exclude_images=[1]
    )
    assert result.index.tolist() == [0, 1]
    assert result.findings.claims.claimed == 0
    assert result.findings.non_members.claimed_by_chance.value == 0.5


def test_background_crops_need_no_images():
    crops = dejavu.background_crops([[20, 10]], [[[0, 0, 10, 10]]], rule="maxrect", min_px=5)
    assert crops.rectangles.tolist() == [[10, 0, 20, 10]]


def test_references_are_not_trained_on_the_crops_they_predict():
    """Every crop has a tag and a feature of its own: nothing learnt from others names its class."""
    labels = np.arange(20) % 2
    crops = dejavu.tags([[(f"tag {row}", 1.0)] for row in range(20)])
    rows = dejavu.naive_bayes(crops, labels, 2)
    np.testing.assert_allclose(rows, 0.5, atol=1e-6)
    head = dejavu.linear_head(np.eye(20), labels, 2)
    np.testing.assert_allclose(head.sum(axis=1), 1)
    assert (head.argmax(axis=1) == labels).mean() < 0.8
    with pytest.raises(ImprintError, match="20 crops need as many labels, got 19"):
        dejavu.naive_bayes(crops, labels[:19], 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 9}, "9"),
        ({"k": 0}, "k must be at least 1, got 0"),
        ({"top_percent": [120]}, "top_percent must be in"),
        ({"labels": [0, 1]}, "has shape"),
        ({"crops_target": [[np.nan]] * 4}, "is nan"),
        ({"crops_target": [[0.1], [1.1, 2.0]]}, "give rows of one length"),
        ({"exclude_images": [0.5]}, "exclude_images must hold whole numbers, got 0.5"),
    ],
)
def test_arrays_and_options_that_do_not_fit_are_refused_in_one_sentence(changes, message):
    with pytest.raises(ImprintError, match=message):
        dejavu.one_model(**{**PUBLIC, **CROPS, "reference_probs": FIRST, "k": 1, **changes})


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (np.eye(20), [0, 0.5] * 10, "labels must hold whole numbers, got 0.5"),
        (np.eye(20), [0, 2] * 10, "labels run from 0 to 2"),
        (np.eye(20), [0, -1] * 10, "labels run from -1 to 0"),
        (np.eye(20), [0, 1] * 9, "20 crops need as many labels, got 18"),
        (np.eye(20), [1] * 20, "all crops are of one class"),
        (np.full((20, 2), np.nan), [0, 1] * 10, "features must be finite"),
        (np.zeros((20, 0)), [0, 1] * 10, "features must be finite"),
        (np.zeros(20), [0, 1] * 10, "features must be finite"),
        ([["sea", "sky"]] * 20, [0, 1] * 10, "features must hold numbers"),
    ],
)
def test_a_linear_head_of_bad_features_or_labels_is_refused(features, labels, message):
    with pytest.raises(ImprintError, match=message):
        dejavu.linear_head(features, labels, 2)


def test_one_model_of_a_live_network_names_its_members():
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    network = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(100, 6), torch.nn.Linear(6, 2)
    )
    x = random.random((60, 1, 10, 10)).astype(np.float32)
    y = np.arange(60) % 2
    result = dejavu.one_model(
        model=network, members=(x[:20], y[:20]), non_members=(x[20:], y[20:]), k=5
    )
    assert result.index.tolist() == list(range(20))
    assert set(result.categories) == set(result.findings.against)
    assert "naive_bayes" in str(result)


def test_one_reference_prints_no_table_of_agreement():
    random = np.random.default_rng(0)
    public, labels = random.normal(size=(40, 4)), np.arange(40) % 2
    result = dejavu.one_model(public, labels, public[:20], labels[:20], np.full((20, 2), 0.5), k=5)
    assert len(result.tables()) == 1


def test_one_model_takes_arrays_or_a_model():
    with pytest.raises(ImprintError, match="give embeddings"):
        dejavu.one_model()
    with pytest.raises(ImprintError, match="give either"):
        dejavu.one_model(model=torch.nn.Linear(2, 2))
