"""What page and terminal say of the accuracy of solved queries."""

from dataclasses import replace

from imprint.lenses.leave_one_out.page.accuracy import accuracy_blocks, accuracy_sentence
from imprint.lenses.leave_one_out.solve_accuracy import SolveAccuracy
from imprint.report.blocks import Details

ACCURACY = SolveAccuracy(
    method="out_of_core",
    tolerance=1e-8,
    residual=3.456e-9,
    passes=2,
    right_sides=7,
    error_at_most={"kl_out_in": 2e-5, "auc": 1e-6},
    error_about={"kl_out_in": 4.44e-7, "auc": 1e-8},
    diagonal_error=(1e-6, 5e-6),
)


def test_the_error_comes_first_then_what_was_reached():
    assert accuracy_sentence(ACCURACY) == (
        "A divergence is off by about 4.4 × 10⁻⁷ nats, at most 2 × 10⁻⁵: solved by conjugate "
        "gradients on the method out of core to a relative residual of 3.5 × 10⁻⁹, in at most "
        "2 passes over the kernel matrix. On top comes the relative error of the inverse's "
        "diagonal, which scales every value: 10⁻⁶ (median), below 5 × 10⁻⁶ for 95% of records."
    )


def test_what_was_not_reached_is_said():
    short = replace(ACCURACY, residual=0.1, error_at_most={})
    assert accuracy_sentence(short).startswith("This residual leaves no bound on the divergence:")
    assert ", short of the 10⁻⁸ asked for" in accuracy_sentence(short)
    rounded = replace(ACCURACY, error_at_most={"kl_out_in": 0.0}, error_about={})
    assert accuracy_sentence(rounded).startswith("A divergence is off by rounding alone:")


def test_the_table_has_a_row_per_measure_and_a_dense_fit_nothing():
    assert accuracy_blocks(None) == []
    note, details = accuracy_blocks(ACCURACY, "here")
    assert note.anchor == "here"
    assert isinstance(details, Details)
    rows = {row[0]: row[1:] for row in details.blocks[0].rows}
    assert rows["AUC"] == [1e-8, 1e-6]
    assert rows["shift and influence"] == [None, None]
