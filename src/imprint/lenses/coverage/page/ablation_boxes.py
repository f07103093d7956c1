"""Boxes of the accuracy that a network loses without neurons: over draws, and over classes."""

from __future__ import annotations

from imprint.lenses.coverage.experiments.ablation_findings import AblatedSet, Ablation
from imprint.report.figure import Axis, Box, Boxes, BoxGroup, Colour, Level
from imprint.report.wording import count, plural, points, short_points

METHOD_COLOURS: tuple[Colour, ...] = ("target", "reference", "ink", "correlated")
"""Of the methods in their order, as curves beside have them."""
SHOWN_BY_CLASS = 8
ZERO = Level(0.0)


def shown_methods(ablation: Ablation) -> list[str]:
    """Return the methods whose leading neurons cost most, as many as colours tell apart."""
    by_drop = sorted(ablation.measured, key=lambda name: -ablation.measured[name][-1].drop.value)
    return by_drop[: len(METHOD_COLOURS)]


def draw_boxes(ablation: Ablation) -> list[Boxes]:
    """Return the drops of random draws by number of neurons; none of an older study."""
    shown = shown_methods(ablation)
    groups = []
    for place, size in enumerate(ablation.anywhere):
        results = [(name, ablation.measured[name][place]) for name in shown]
        boxes = [
            Box(name, each.matched.spread, each.drop.value, shade)
            for (name, each), shade in zip(results, METHOD_COLOURS, strict=False)
            if each.matched.spread is not None
        ]
        if boxes:
            groups.append(BoxGroup(size, boxes))
    if not groups:
        return []
    last = [(name, ablation.measured[name][-1]) for name in shown]
    spoken = ", ".join(
        f"{name} {points(each.drop.value)} against {points(each.matched.mean)}"
        for name, each in last
    )
    return [
        Boxes(
            name="coverage-ablation-draws",
            title="Leading neurons beside random draws",
            caption=f"Boxes: {plural(ablation.draws, 'random set')} of neurons, as many of each "
            "layer as the leading ones of the method; quartiles, median, smallest and largest. "
            "Diamonds: the leading neurons themselves.",
            description=f"Boxes, drop in points without {plural(int(groups[-1].name), 'neuron')}, "
            f"leading against the mean of random ones: {spoken}.",
            x="neurons taken away",
            y=Axis("drop in points", short_points),
            groups=groups,
            mark="leading neurons",
            level=ZERO,
        )
    ]


def class_boxes(ablation: Ablation, size: str) -> list[Boxes]:
    """Return the drops of classes by method, without so many neurons; none of an older study.

    Args:
        ablation: all.
        size: number of neurons, as the findings name it.
    """
    place = list(ablation.anywhere).index(size)
    results = {name: each[place] for name, each in ablation.measured.items()}
    known = {name: each for name, each in results.items() if each.by_class is not None}
    shown = sorted(known, key=lambda name: -known[name].drop.value)[:SHOWN_BY_CLASS]
    groups = [BoxGroup(name, _of_classes(known[name])) for name in shown]
    if not groups:
        return []
    classes = max(each.by_class.classes for each in known.values() if each.by_class is not None)
    spoken = ", ".join(
        f"{group.name} {points(group.boxes[0].numbers.low)} to "
        f"{points(group.boxes[0].numbers.high)}"
        for group in groups
    )
    neurons = plural(int(size), "neuron")
    return [
        Boxes(
            name=f"coverage-ablation-classes-{size}",
            title=f"Does every class lose accuracy without {neurons}?",
            caption=f"Boxes over {plural(classes, 'class', 'classes')}, those of random neurons of "
            f"the same layers over classes and {plural(ablation.draws, 'draw')}: quartiles, "
            "median, smallest and largest drop. Diamonds: the drop on the tests of all classes.",
            description=f"Boxes, drop in points over {count(classes)} classes without the leading "
            f"{neurons}: {spoken}.",
            x="method",
            y=Axis("drop in points", short_points),
            groups=groups,
            mark="all classes",
            level=ZERO,
        )
    ]


def _of_classes(each: AblatedSet) -> list[Box]:
    assert each.by_class is not None
    return [
        Box("leading neurons", each.by_class.leading, each.drop.value, "target"),
        Box("random neurons", each.by_class.random, each.matched.mean, "muted"),
    ]
