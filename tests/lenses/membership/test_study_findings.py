import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.study_findings import BudgetStudy, ReferencesStudy, read_study
from imprint.study.finding import to_json
from tests.lenses.membership.page.test_study import MODELS, PRIVATE


def test_studies_are_read_by_what_they_vary_and_written_back():
    budgets, references = read_study(PRIVATE), read_study(MODELS)
    assert isinstance(budgets, BudgetStudy)
    assert isinstance(references, ReferencesStudy)
    assert budgets.points[2].value is None
    assert budgets.points[2].allowed is None
    for study in (budgets, references):
        assert read_study(to_json(study)) == study


@pytest.mark.parametrize("content", [{"over": "width"}, {}, [], None])
def test_unknown_studies_are_refused(content):
    with pytest.raises(ImprintError, match=r"a study over .* is unknown, known are models, size"):
        read_study(content)
