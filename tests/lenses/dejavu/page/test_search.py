from imprint.lenses.dejavu.page.search import search_part, search_sentences
from imprint.lenses.dejavu.search_findings import SearchFindings
from imprint.stats.estimate import Estimate

HIGH, LOW = Estimate(0.98, (0.97, 0.99), 256), Estimate(0.843, (0.831, 0.854), 256)


def test_an_exact_search_needs_no_word() -> None:
    assert search_sentences(None) == []
    assert search_part(None) == []


def test_the_recall_of_each_model_is_told_with_its_interval() -> None:
    (sentence,) = search_sentences(SearchFindings(100, 64, 400, {"A": HIGH, "B": HIGH}))
    assert "of the 100 nearest public images" in sentence
    of_each = "98.0% [97.0%, 99.0%] under model A, 98.0% [97.0%, 99.0%] under model B were found"
    assert of_each in sentence
    assert "256 crops" in sentence
    (alone,) = search_sentences(SearchFindings(100, 64, 400, {"model": HIGH}))
    assert "under the model were found" in alone


def test_a_low_recall_is_told_plainly_with_what_to_do() -> None:
    _, warning = search_sentences(SearchFindings(100, 64, 400, {"A": HIGH, "B": LOW}))
    assert warning.startswith("A recall of 84.3% is low")
    assert "--ivfpq.nprobe, or --search exact" in warning
