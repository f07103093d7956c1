import numpy as np

from imprint.report.figure import Matrix
from imprint.report.figures.matrix import paint_matrix


def test_every_value_is_written_in_its_square() -> None:
    values = np.array([[1.0, 0.25], [0.5, 1.0]])
    figure = Matrix(
        name="m", title="T", caption="C", description="D", names=["loss", "lira"], values=values,
        write=lambda value: f"{100 * value:.0f}",
    )  # fmt: skip
    axes = paint_matrix(figure).axes[0]
    squares = {text.get_position(): text.get_text() for text in axes.texts}
    assert squares == {(0.5, 0.5): "100", (1.5, 0.5): "25", (0.5, 1.5): "50", (1.5, 1.5): "100"}
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["loss", "lira"]
    strengths = [patch.get_alpha() for patch in axes.patches]
    assert strengths == [0.54, 0.165, 0.29, 0.54]


def test_signed_values_have_two_colours_and_a_common_scale() -> None:
    figure = Matrix(
        name="m", title="T", caption="C", description="D", names=["a", "b"],
        values=np.array([[4.0, -2.0], [0.0, -4.0]]), signed=True, write=str,
    )  # fmt: skip
    patches = paint_matrix(figure).axes[0].patches
    assert [round(patch.get_alpha(), 3) for patch in patches] == [0.54, 0.29, 0.04, 0.54]
    colours = [patch.get_facecolor()[:3] for patch in patches]
    assert colours[0] == colours[2] != colours[1] == colours[3]


def test_columns_may_have_names_of_their_own() -> None:
    figure = Matrix(
        name="m", title="T", caption="C", description="D", names=["conv", "fc"],
        columns=["la", "lrp", "none"], values=np.array([[0.5, 0.25, 0.25], [0, 1, 0]]), write=str,
    )  # fmt: skip
    axes = paint_matrix(figure).axes[0]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["la", "lrp", "none"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["conv", "fc"]
    squares = {text.get_position(): text.get_text() for text in axes.texts}
    assert (squares[0.5, 0.5], squares[2.5, 0.5], squares[1.5, 1.5]) == ("0.5", "0.25", "1.0")
