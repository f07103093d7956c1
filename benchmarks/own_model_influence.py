"""How well do estimates of influence on a network rank records, against retraining of that network?

    python benchmarks/own_model_influence.py [--records 300] [--removed 50] [--seeds 8]
        [--network cnn|mlp] [--flipped 0.1] [--truth FILE]

A small network of convolutions (or an MLP) learns scikit-learn's digits, some labels flipped. For
each of some records, networks of several seeds are trained without it, paired with networks of the
same seed that have it. The truth is by how much the loss rises without the record: at the record
itself, and at wrong tests. Every estimator then sees the network of the first seed. Prints
Spearman's correlation with the truth, 95 % intervals by bootstrap over removed records, the noise
ceiling from halves of the seeds, and seconds. captum and kronfluence are run beside where they can
be imported.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap

from imprint.core.errors import ImprintError
from imprint.data.records.records import ArrayRows, Records
from imprint.lenses.leave_one_out.linalg.threads import one_thread_a_sum
from imprint.lenses.leave_one_out.posterior.posterior import fit as fit_process
from imprint.lenses.leave_one_out.posterior.queries import query_influence
from imprint.lenses.leave_one_out.posterior.self_influence import self_influence
from imprint.lenses.leave_one_out.study.own_fit import fit_features
from imprint.probe.influence.representer import last_features
from imprint.probe.influence_kit.question import INFLUENCES, Checkpoint, Trained
from imprint.stats.bootstrap import resamples

RATE, BATCH, EPOCHS, EVERY = 0.5, 50, 40, 4
Array = NDArray[np.float64]


def cnn() -> nn.Module:
    """Return two convolutions and a linear layer, 1,898 parameters."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip


def mlp() -> nn.Module:
    """Return two hidden layers of 32 units, 3,466 parameters."""
    layers = [nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10)]
    return nn.Sequential(nn.Flatten(), *layers)


NETWORKS: dict[str, Callable[[], nn.Module]] = {"cnn": cnn, "mlp": mlp}


def main() -> None:
    """Retrain, estimate, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("records", 300), ("removed", 50), ("seeds", 8), ("tests", 40)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--network", choices=list(NETWORKS), default="cnn")
    parser.add_argument("--flipped", type=float, default=0.1)
    parser.add_argument("--dampings", type=float, nargs="+", default=[1e-3, 1e-2, 1e-1])
    parser.add_argument("--truth", default="", help="keeps what retraining showed")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    x, y = digits(chosen.records, chosen.flipped)
    removed = np.random.default_rng(1).permutation(chosen.records)[: chosen.removed]
    effects, networks = ground_truth(chosen, x, y, removed)
    first, way = networks
    with torch.no_grad():
        logits = first(x[chosen.records :])
        test_loss = F.cross_entropy(logits, y[chosen.records :], reduction="none")
        accuracy = float((logits.argmax(1) == y[chosen.records :]).double().mean())
    tests = chosen.records + np.argsort(-test_loss.numpy())[: chosen.tests]
    print(
        f"{chosen.network}: {sum(each.numel() for each in first.parameters()):,} parameters, "
        f"{chosen.records} records, {chosen.removed} removed, {chosen.seeds} seeds, test accuracy "
        f"{accuracy:.3f}, {chosen.tests} tests of the largest loss"
    )
    truth = Truth(effects, removed, tests)
    print(f"noise ceiling: itself {truth.ceiling_itself():.2f}, tests {truth.ceiling_tests():.2f}")
    trained = Trained(
        first, x[: chosen.records], y[: chosen.records], x[tests], y[tests],
        torch.arange(chosen.records), checkpoints=tuple(way),
    )  # fmt: skip
    left_out = torch.from_numpy(removed)
    for name, itself, table, seconds in every_estimate(trained, chosen.dampings, left_out):
        print(row(name, truth, itself, table, seconds), flush=True)


def ground_truth(
    chosen: argparse.Namespace, x: Tensor, y: Tensor, removed: Any
) -> tuple[Array, tuple[nn.Module, list[Checkpoint]]]:
    """Return what each record does, ``[seeds, removed, N]``, and the first network with its way."""
    make, rates = NETWORKS[chosen.network], Path(chosen.truth) if chosen.truth else None
    if rates is not None and rates.exists():
        kept = torch.load(rates, weights_only=True)
        network = make().eval()
        network.load_state_dict(kept["states"][-1])
        way = [Checkpoint(state, RATE * EVERY * -(-chosen.records // BATCH))
               for state in kept["states"][:-1]]  # fmt: skip
        return kept["effects"].numpy(), (network, way)
    start, losses, networks = time.perf_counter(), [], []
    for seed in range(chosen.seeds):
        each, network, way = retrain(make, x, y, chosen.records, removed, seed)
        losses.append(each)
        networks.append((network, way))
        print(f"seed {seed}: {time.perf_counter() - start:.0f} s", flush=True)
    effects, (network, way) = np.stack(losses), networks[0]
    if rates is not None:
        states = [dict(each.state) for each in way] + [network.state_dict()]
        torch.save({"effects": torch.from_numpy(effects), "states": states}, rates)
    return effects, (network, way)


def digits(records: int, flipped: float) -> tuple[Tensor, Tensor]:
    """Return images ``[n, 1, 8, 8]`` in a random order and labels, some of the records' flipped."""
    from sklearn.datasets import load_digits

    random = np.random.default_rng(0)
    images, labels = load_digits(return_X_y=True)
    order = random.permutation(len(labels))
    x, y = images[order] / 16, labels[order].astype(np.int64)
    wrong = random.random(records) < flipped
    y[:records][wrong] = (y[:records][wrong] + random.integers(1, 10, wrong.sum())) % 10
    return torch.from_numpy(x).float().reshape(-1, 1, 8, 8), torch.from_numpy(y)


def retrain(
    make: Callable[[], nn.Module], x: Tensor, y: Tensor, records: int, removed: Any, seed: int
) -> tuple[Array, nn.Module, list[Checkpoint]]:
    """Train one network on all records and one without each removed one, from the same start.

    Returns:
        the loss of every row without each record less that with all, ``[removed, N]``; the network
        of all records, and its checkpoints.
    """
    torch.manual_seed(seed)
    start = make()
    kept = torch.ones(len(removed) + 1, records)
    kept[torch.arange(1, len(removed) + 1), torch.from_numpy(removed)] = 0
    weights, _ = stack_module_state([copy.deepcopy(start) for _ in range(len(kept))])
    weights = {name: each.detach() for name, each in weights.items()}

    def mean_loss(state: Any, rows: Tensor, labels: Tensor, weight: Tensor) -> Tensor:
        losses = F.cross_entropy(functional_call(start, state, (rows,)), labels, reduction="none")
        return (losses * weight).sum() / weight.sum()

    slopes = vmap(grad(mean_loss), in_dims=(0, None, None, 0))
    random = np.random.default_rng(1000 + seed)
    way, steps = [], -(-records // BATCH)
    for epoch in range(EPOCHS):
        if epoch % EVERY == 0:
            state = {name: each[0].clone() for name, each in weights.items()}
            way.append(Checkpoint(state, RATE * steps * EVERY))
        order = torch.from_numpy(random.permutation(records))
        for batch in torch.split(order, BATCH):
            step = slopes(weights, x[batch], y[batch], kept[:, batch])
            weights = {name: each - RATE * step[name] for name, each in weights.items()}
    start.load_state_dict({name: each[0] for name, each in weights.items()})

    def all_losses(state: Any) -> Tensor:
        return F.cross_entropy(functional_call(start, state, (x,)), y, reduction="none")

    losses = vmap(all_losses, chunk_size=8)(weights).double().numpy()
    return losses[1:] - losses[:1], start.eval(), way


SOLVERS = ("influence_cg", "influence_lissa")


class Truth:
    """What retraining shows, and how estimates compare with it."""

    def __init__(self, effects: Array, removed: Any, tests: Any) -> None:
        self.removed, self.tests = removed, tests
        self.itself = effects[:, np.arange(len(removed)), removed]
        self.others = effects[:, :, tests]
        self.draws = next(resamples(np.random.default_rng(2), len(removed), 300))

    def of_itself(self, estimate: Array) -> tuple[float, float, float]:
        """Return Spearman's correlation with the rise of each removed record's own loss."""
        return self._interval(estimate[:, None], self.itself.mean(0)[:, None])

    def of_tests(self, table: Array) -> tuple[float, float, float]:
        """Return the mean over tests of Spearman's correlation over removed records."""
        return self._interval(table, self.others.mean(0))

    def ceiling_itself(self) -> float:
        """Return what a perfect estimate could reach, by halves of the seeds."""
        one, other = self.itself[::2].mean(0), self.itself[1::2].mean(0)
        return reliability(mean_rank_correlation(one[:, None], other[:, None]))

    def ceiling_tests(self) -> float:
        """Return the same of tests."""
        one, other = self.others[::2].mean(0), self.others[1::2].mean(0)
        return reliability(mean_rank_correlation(one, other))

    def _interval(self, one: Array, other: Array) -> tuple[float, float, float]:
        value = mean_rank_correlation(one, other)
        rows = [np.repeat(np.arange(len(one)), counts) for counts in self.draws]
        drawn = [mean_rank_correlation(one[each], other[each]) for each in rows]
        low, high = np.quantile(drawn, [0.025, 0.975])
        return value, float(low), float(high)


def reliability(half: float) -> float:
    """Return the correlation of the mean of all with the truth, from that of two halves."""
    return max(0.0, 2 * half / (1 + half)) ** 0.5


def mean_rank_correlation(one: Array, other: Array) -> float:
    """Return the mean over columns of Spearman's correlation over rows."""
    ranks = [rankdata(each, axis=0) for each in (one, other)]
    ranks = [each - each.mean(0) for each in ranks]
    norms = np.linalg.norm(ranks[0], axis=0) * np.linalg.norm(ranks[1], axis=0)
    known = norms > 0
    return float(((ranks[0] * ranks[1]).sum(0)[known] / norms[known]).mean())


def row(name: str, truth: Truth, itself: Array | None, table: Array | None, seconds: float) -> str:
    """Return one line of the table."""
    parts = [f"{name:32s}"]
    for values, measure in ((itself, truth.of_itself), (table, truth.of_tests)):
        if values is None:
            parts.append("–                 ")
        else:
            rows = values if len(values) == len(truth.removed) else values[truth.removed]
            value, low, high = measure(rows)
            parts.append(f"{value:5.2f} [{low:5.2f}, {high:5.2f}]")
    return "  ".join([*parts, f"{seconds:7.2f} s"])


Estimates = Iterator[tuple[str, Array | None, Array | None, float]]


def every_estimate(trained: Trained, dampings: list[float], removed: Tensor) -> Estimates:
    """Yield name, influence of each record on itself and on tests, and seconds."""
    yield from features_fit(trained)
    slow_last = sorted(
        INFLUENCES.names(), key=lambda name: (name in SOLVERS, name.startswith("influence"))
    )
    for name in slow_last:
        if name == "influence_arnoldi":
            yield from by_others(trained, dampings)
        inverts = name.startswith("influence") or name == "ekfac"
        for damping in dampings if name == "ekfac" else dampings[:1]:
            asked = replace(trained, damping=damping)
            if name in SOLVERS:
                # A system a record: those that were left out alone.
                asked = replace(asked, own=removed)
            start = time.perf_counter()
            try:
                attribution = INFLUENCES.get(name)(asked)
            except ImprintError as error:
                print(f"{name}: {error}")
                continue
            seconds = time.perf_counter() - start
            own = None if attribution.own is None else attribution.own.double()
            if own is not None and INFLUENCES.get(name).degree == 1:
                # A shift of the logits moves the loss by itself times the miss.
                own = own * asked.misses()
            label = f"{name} λ={damping:g}" if inverts else name
            yield (label, None if own is None else own.numpy(),
                   attribution.table.double().numpy(), seconds)  # fmt: skip


def by_others(trained: Trained, dampings: list[float]) -> Estimates:
    """Yield what other libraries estimate, where they can be imported."""
    for others in (kronfluence_estimates, captum_estimates):
        try:
            yield from others(trained, dampings)
        except ImportError as error:
            print(f"{others.__name__}: not installed ({error})")


@one_thread_a_sum()
def features_fit(trained: Trained) -> Estimates:
    """Yield the closed form under the kernel of penultimate features."""
    start = time.perf_counter()
    features, _ = last_features(trained, trained.inputs)
    queries, _ = last_features(trained, trained.queries)
    count = len(trained.labels)
    records = Records(ArrayRows(trained.inputs.numpy()), trained.labels.numpy())
    both = torch.cat([features, queries]).numpy()
    # Queries are scaled as the records are.
    varies = np.ptp(both[:count], axis=0) > 0
    mean, spread = both[:count].mean(0)[varies], both[:count].std(0)[varies]
    values = torch.from_numpy((both[:, varies] - mean) / spread).double()
    fit = fit_features(records, features.numpy(), np.arange(count))
    posterior = fit_process(fit.kernel(values[:count]), fit.targets, fit.noise[0])
    own = self_influence(posterior)
    kernel = fit.kernel
    cross, variances = kernel(values[count:], values[:count]), kernel.diagonal(values[count:])
    response = query_influence(posterior, cross, variances).response
    table = response * posterior.weights[:, trained.query_labels]
    itself = own.memorization.numpy()
    yield "leave-one-out of features", itself, table.numpy(), time.perf_counter() - start


def captum_estimates(trained: Trained, dampings: list[float]) -> Estimates:
    """Yield what captum estimates."""
    from captum.influence import TracInCP, TracInCPFast
    from torch.utils.data import TensorDataset

    data = TensorDataset(trained.inputs, trained.labels)
    asked = (trained.queries, trained.query_labels)
    model = copy.deepcopy(trained.network)
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for place, checkpoint in enumerate(trained.checkpoints):
            files.append(f"{folder}/{place}.pt")
            torch.save({"state": dict(checkpoint.state), "rate": checkpoint.travelled}, files[-1])

        def load(network: nn.Module, file: str) -> float:
            content = torch.load(file, weights_only=True)
            network.load_state_dict(content["state"])
            return float(content["rate"])

        last = [name for name, each in model.named_modules() if isinstance(each, nn.Linear)][-1]
        loss = nn.CrossEntropyLoss(reduction="sum")
        one_by_one = nn.CrossEntropyLoss(reduction="none")
        for name, make in (
            ("captum TracInCPFast", lambda: TracInCPFast(
                model, dict(model.named_modules())[last], data, files, load, loss, batch_size=128)),
            ("captum TracInCP", lambda: TracInCP(
                model, data, files, load, loss_fn=one_by_one, batch_size=128)),
        ):  # fmt: skip
            start = time.perf_counter()
            tracin = make()
            table = tracin.influence(asked).T.double().numpy()
            own = tracin.self_influence().double().numpy()
            yield name, own, table, time.perf_counter() - start


def kronfluence_estimates(trained: Trained, dampings: list[float]) -> Estimates:
    """Yield what kronfluence estimates."""
    from kronfluence.analyzer import Analyzer, prepare_model
    from kronfluence.arguments import FactorArguments, ScoreArguments
    from kronfluence.task import Task
    from torch.utils.data import TensorDataset

    class Classification(Task):  # type: ignore[misc]
        def compute_train_loss(self, batch: Any, model: Any, sample: bool = False) -> Tensor:
            inputs, labels = batch
            logits = model(inputs)
            if sample:
                with torch.no_grad():
                    labels = torch.multinomial(logits.softmax(1), 1)[:, 0]
            return F.cross_entropy(logits, labels, reduction="sum")

        def compute_measurement(self, batch: Any, model: Any) -> Tensor:
            return self.compute_train_loss(batch, model)

    task = Classification()
    data = TensorDataset(trained.inputs, trained.labels)
    queries = TensorDataset(trained.queries, trained.query_labels)
    for damping in [None, *dampings]:
        torch.manual_seed(0)
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            model = prepare_model(copy.deepcopy(trained.network), task)
            analyzer = Analyzer("digits", model, task, cpu=True, output_dir=folder,
                                disable_tqdm=True, log_level=50)  # fmt: skip
            analyzer.fit_all_factors("factors", data, 128, factor_args=FactorArguments("ekfac"))
            score = ScoreArguments(damping_factor=damping)
            analyzer.compute_pairwise_scores(
                "pairs", "factors", queries, data, 64, 128, score_args=score
            )
            analyzer.compute_self_scores("own", "factors", data, 128, score_args=score)
            table = analyzer.load_pairwise_scores("pairs")["all_modules"]
            own = analyzer.load_self_scores("own")["all_modules"]
            seconds = time.perf_counter() - start
        name = "heuristic" if damping is None else f"{damping:g}"
        yield (f"kronfluence ekfac λ={name}", own.double().numpy(),
               table.T.double().numpy(), seconds)  # fmt: skip


if __name__ == "__main__":
    main()
