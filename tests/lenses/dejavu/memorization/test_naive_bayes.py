import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax
from sklearn.naive_bayes import MultinomialNB

from imprint.core.errors import ImprintError
from imprint.data.tags.annotation import tags_from_words
from imprint.lenses.dejavu.memorization.calibration import calibrate
from imprint.lenses.dejavu.memorization.naive_bayes import (
    fit_naive_bayes,
    published_guesses,
    published_scores,
    tag_counts,
    tag_matrix,
)
from imprint.lenses.dejavu.memorization.references import reference_votes

VOCABULARY = tuple("abcdefgh")


def random_tags(seed, n=40, classes=3):
    random = np.random.default_rng(seed)
    images = [
        [(str(tag), 1.0) for tag in random.choice(VOCABULARY, random.integers(0, 5), replace=False)]
        for _ in range(n)
    ]
    return tags_from_words(images, VOCABULARY), random.integers(0, classes, n)


def posterior_by_loops(tags, labels, classes, asked, alpha):
    """Bayes' rule crop by crop, class by class, tag by tag."""
    rows = []
    for image in range(len(asked)):
        joint = []
        for label in range(classes):
            mine = [row for row in range(len(tags)) if labels[row] == label]
            words = [word for row in mine for word, _ in tags.words(row)]
            product = len(mine) / len(tags)
            for word, _ in asked.words(image):
                product *= (words.count(word) + alpha) / (len(words) + alpha * len(VOCABULARY))
            joint.append(product)
        rows.append(np.array(joint) / sum(joint))
    return np.array(rows)


@given(st.integers(0, 200), st.sampled_from([0.1, 1.0, 3.0]))
@settings(max_examples=15, deadline=None)
def test_the_product_is_the_loop(seed, alpha):
    tags, labels = random_tags(seed)
    asked, _ = random_tags(seed + 1, n=10)
    counts = tag_counts(tags, labels, 3)
    model = fit_naive_bayes(VOCABULARY, counts, np.bincount(labels, minlength=3), alpha)
    expected = posterior_by_loops(tags, labels, 3, asked, alpha)
    np.testing.assert_allclose(np.exp(model.log_posterior(asked)), expected, atol=1e-5)


def test_naive_bayes_agrees_with_scikit_learn():
    tags, labels = random_tags(3)
    counts = tag_counts(tags, labels, 3)
    model = fit_naive_bayes(VOCABULARY, counts, np.bincount(labels, minlength=3), 0.5)
    theirs = MultinomialNB(alpha=0.5).fit(tag_matrix(tags), labels)
    expected = theirs.predict_log_proba(tag_matrix(tags))
    np.testing.assert_allclose(model.log_posterior(tags), expected, atol=1e-5)


def test_likelihoods_sum_to_one_over_the_vocabulary():
    tags, labels = random_tags(0)
    counts = tag_counts(tags, labels, 3)
    model = fit_naive_bayes(VOCABULARY, counts, np.bincount(labels, minlength=3), 2.0)
    np.testing.assert_allclose(np.exp(model.log_likelihood).sum(axis=0), 1)


def test_without_tags_the_prior_speaks_and_a_class_without_crops_is_never_guessed():
    tags = tags_from_words([[("a", 1.0)], [], []], VOCABULARY)
    labels = np.array([0, 0, 1])
    counts = tag_counts(tags, labels, 3)
    model = fit_naive_bayes(VOCABULARY, counts, np.bincount(labels, minlength=3))
    posterior = np.exp(model.log_posterior(tags.rows([1])))
    np.testing.assert_allclose(posterior, [[2 / 3, 1 / 3, 0]], rtol=1e-6, atol=1e-11)


def test_a_class_without_crops_leaves_every_entropy_and_temperature_a_number():
    """One class has no crop at all, the label of another has none in what the model learnt from."""
    tags = tags_from_words([[("a", 1.0)], [("b", 1.0)], [("a", 1.0)], [("b", 1.0)]], VOCABULARY)
    labels = np.array([0, 1, 0, 2])
    learnt = np.arange(3)
    counts = tag_counts(tags.rows(learnt), labels[learnt], 4)
    crops = np.bincount(labels[learnt], minlength=4)
    rows = fit_naive_bayes(VOCABULARY, counts, crops).log_posterior(tags)
    found = calibrate(rows, labels)
    assert np.isfinite([found.loss_before, found.loss_after]).all()
    assert found.loss_after <= found.loss_before
    for each in (rows, found.log_probabilities):
        assert np.isfinite(reference_votes(each).confidence).all()


def published_by_loops(tags, counts, laplace, alpha):
    """The released code's rule as the specification states it (§7.3)."""
    most = max(len(tags.words(row)) for row in range(len(tags)))
    rows = []
    for image in range(len(tags)):
        scores = []
        for label in range(counts.shape[1]):
            score = 1.0 if tags.words(image) else 0.0
            for word, _ in tags.words(image):
                ours = counts[VOCABULARY.index(word), label]
                all_classes = counts[VOCABULARY.index(word)].sum()
                if laplace:
                    score *= (ours + alpha) / (all_classes + alpha * most)
                elif all_classes:
                    score *= (ours or 1e-10) / all_classes
            scores.append(score)
        rows.append(scores)
    return np.array(rows)


@pytest.mark.parametrize("laplace", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_the_published_form_is_the_published_loop(laplace, seed):
    tags, labels = random_tags(seed)
    counts = tag_counts(tags, labels, 3)
    asked, _ = random_tags(seed + 10)
    counts[3] = 0  # a tag that no crop had
    expected = published_by_loops(asked, counts, laplace, 0.7)
    scores = published_scores(asked, counts, laplace, 0.7)
    np.testing.assert_allclose(np.exp(scores), expected, rtol=1e-5, atol=1e-30)
    last = [int(np.flatnonzero(row == row.max())[-1]) for row in scores]
    assert published_guesses(scores).tolist() == last


def test_the_published_form_normalised_is_bayes_for_classes_of_one_size_and_one_count_of_tags():
    # Two tags a crop, thirty crops a class: P(c) and Σ_o n(o, c) are the same for every class.
    random = np.random.default_rng(0)
    images = [[(str(tag), 1.0) for tag in random.choice(VOCABULARY, 2, False)] for _ in range(90)]
    tags, labels = tags_from_words(images, VOCABULARY), np.repeat(np.arange(3), 30)
    counts = tag_counts(tags, labels, 3)
    assert (counts > 0).all()
    model = fit_naive_bayes(VOCABULARY, counts, np.bincount(labels), 1e-9)
    ours, theirs = model.log_posterior(tags), published_scores(tags, counts)
    np.testing.assert_allclose(ours, log_softmax(theirs, axis=1), atol=1e-5)


def test_tags_and_labels_that_do_not_fit_are_refused():
    tags, labels = random_tags(0)
    counts = tag_counts(tags, labels, 3)
    crops = np.bincount(labels, minlength=3)
    with pytest.raises(ImprintError, match="smoothing is 0"):
        fit_naive_bayes(VOCABULARY, counts, crops, 0)
    with pytest.raises(ImprintError, match="must lie in 0…1"):
        tag_counts(tags, labels, 2)
    with pytest.raises(ImprintError, match="as many labels"):
        tag_counts(tags, labels[:3], 3)
    with pytest.raises(ImprintError, match="same annotator"):
        fit_naive_bayes(VOCABULARY, counts, crops).log_posterior(tags_from_words([[("z", 1.0)]]))
