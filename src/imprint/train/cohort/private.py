"""DP-SGD: one model trained so that no single member shows (Abadi et al. 2016), by Opacus.

Poisson samples of the members, gradients of single examples clipped to a norm, Gaussian noise,
an accountant. The sampling rate is 1 / steps an epoch, as in Opacus; rate, steps and the size of
a batch by which gradients are divided are of the plan, fixed before membership is drawn.

Sampling and noise come from (run, model id), each model's apart from every other's: budgets and
models are independent trials, and a killed cohort resumes to the same weights. The seed
reveals the noise, so such a model is for audits, not for release.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive, generator
from imprint.nets.fill import initial_model
from imprint.nets.image_model import ImageModel
from imprint.nets.model_card import ModelCard
from imprint.train.cohort.optimizer import build_optimizer, peak_learning_rate
from imprint.train.cohort.options import CohortOptions
from imprint.train.cohort.plan import Plan, TrainedModel, views_of
from imprint.train.cohort.resident import Resident
from imprint.train.optim import learning_rate_factor

# Gradients of single examples held at once: each is as large as the network.
EXAMPLES_AT_ONCE = 64
# The grid of the PRV accountant grows with ε: 0.5 GB at 50, beyond all memory at some thousands.
LARGEST_PRV_EPSILON = 50.0
# Share of the summed norms by which sums may differ; float32 gives 1e-6, a wrong layout 0.1.
GRADIENT_TOLERANCE = 1e-3


class PrivateTraining:
    """One model in training by DP-SGD; used like ``Training`` of the other cohorts.

    Args:
        plan: of the model.
        data: the set, on the device that trains.
        card: of the model; without batch normalisation.
        options: of training, with ``epsilon`` or ``noise_multiplier``.

    Raises:
        ImprintError: Opacus is missing, the architecture has layers it cannot train, no noise
            reaches the target ε, or ε is beyond the accountant.

    Attributes:
        model: the network with its present weights.
    """

    def __init__(self, plan: Plan, data: Resident, card: ModelCard, options: CohortOptions) -> None:
        require_opacus()
        from opacus import GradSampleModule
        from opacus.optimizers import DPOptimizer

        self._plan, self._data, self._options = plan, data, options
        self._steps = plan.per_epoch * options.epochs
        self._rate = 1 / plan.per_epoch
        self._noise = choose_noise(options, plan.per_epoch)
        self.model = initial_model(card, plan.seed).to(data.device).train()
        check_layers(self.model, card)
        self._module = GradSampleModule(self.model, loss_reduction="sum")
        self._optimizer = DPOptimizer(
            build_optimizer(self.model, options, data.device),
            noise_multiplier=self._noise,
            max_grad_norm=options.max_grad_norm,
            expected_batch_size=round(plan.expected * self._rate),
            generator=torch.Generator(data.device).manual_seed(derive(plan.seed, "privacy noise")),
        )
        self._checked = False
        self._losses: list[torch.Tensor] = []
        self._hits: list[torch.Tensor] = []

    def steps(self) -> Iterator[int]:
        """Train, and yield the number of steps done after each.

        Raises:
            ImprintError: a loss that is not finite.
        """
        for step in range(self._steps):
            epoch, position = divmod(step, self._plan.per_epoch)
            if position == 0:
                self._losses, self._hits = [], []
            factor = learning_rate_factor(
                step, self._steps, round(self._options.warmup * self._steps), 0.0
            )
            for group in self._optimizer.param_groups:
                group["lr"] = peak_learning_rate(self._options) * factor
            self._step(self.sample(step), epoch)
            yield step + 1
            if position == self._plan.per_epoch - 1 and not np.isfinite(_mean(self._losses, 0.0)):
                raise ImprintError(
                    f"the loss of model {self._plan.model} is not finite in epoch {epoch + 1}: "
                    "lower the learning rate"
                )

    def sample(self, step: int) -> IntArray:
        """Return the Poisson sample of a step: each member with the sampling rate, maybe none."""
        chance = generator(self._plan.seed, "poisson", step).random(len(self._plan.members))
        return self._plan.members[chance < self._rate]

    def trained(self) -> list[TrainedModel]:
        """Return the model as it is now, and what was accounted."""
        delta, accountant = self._options.delta, self._options.accountant
        privacy = {
            "accountant": accountant,
            "epsilon": accounted_epsilon(self._noise, self._rate, self._steps, delta, accountant),
            "delta": delta,
            "noise": self._noise,
            "clip": self._options.max_grad_norm,
            "sample_rate": self._rate,
            "steps": self._steps,
        }
        return [TrainedModel(self.model, _mean(self._losses), _mean(self._hits), privacy)]

    def _step(self, records: IntArray, epoch: int) -> None:
        """Take one step on a sample, some examples at a time."""
        parts = np.array_split(records, max(1, -(-len(records) // EXAMPLES_AT_ONCE)))
        for part in parts:
            if len(part):
                self._accumulate(part, epoch)
            else:
                for parameter in self._optimizer.params:
                    parameter.grad_sample = parameter.new_zeros((0, *parameter.shape))
            self._optimizer.signal_skip_step(part is not parts[-1])
            self._optimizer.step()
            self._optimizer.zero_grad(set_to_none=True)

    def _accumulate(self, records: IntArray, epoch: int) -> None:
        views, labels = views_of(self._data, records[None], [self._plan], epoch, self._options)
        # Opacus 1.6 gives wrong gradients of convolutions whose input is channels last.
        logits = self._module(views[0].contiguous())
        loss = F.cross_entropy(
            logits, labels[0], reduction="none", label_smoothing=self._options.label_smoothing
        )
        with _no_warnings():
            torch.autograd.backward(loss.sum())
        if not self._checked:
            check_gradients(self._module.named_parameters())
            self._checked = True
        self._losses.append(loss.detach())
        self._hits.append((logits.detach().argmax(dim=1) == labels[0]).float())


def _mean(parts: list[torch.Tensor], of_none: float = float("nan")) -> float:
    """Return the mean over all examples of an epoch; its samples may all have been empty."""
    return float(torch.cat(parts).mean()) if parts else of_none


def require_opacus() -> None:
    """Check that Opacus is there.

    Raises:
        ImprintError: it is not; the message says how to get it.
    """
    try:
        import opacus  # noqa: F401  # its presence is the question
    except ImportError as error:
        raise ImprintError(
            "DP-SGD needs Opacus, which is not installed: pip install 'imprint[privacy]'"
        ) from error


def check_layers(model: ImageModel, card: ModelCard) -> None:
    """Check that Opacus can train every layer.

    Raises:
        ImprintError: it cannot; the message names the first reason.
    """
    from opacus.validators import ModuleValidator

    errors = ModuleValidator.validate(model, strict=False)
    if errors:
        reason = str(errors[0]).split(". ")[0]
        raise ImprintError(
            f"{card.architecture} cannot be trained by DP-SGD ({reason}): "
            "choose another architecture"
        )


def check_gradients(parameters: Iterable[tuple[str, Any]]) -> None:
    """Check that gradients of single examples add up to the gradient of the batch.

    Args:
        parameters: with their names; ``grad_sample`` by Opacus, ``grad`` by autograd.

    Raises:
        ImprintError: they do not, so clipping them would bound nothing.
    """
    for name, parameter in parameters:
        if not parameter.requires_grad:
            continue
        error = (parameter.grad_sample.sum(dim=0) - parameter.grad).norm()
        scale = parameter.grad_sample.flatten(1).norm(dim=1).sum()
        if error > GRADIENT_TOLERANCE * scale:
            raise ImprintError(
                f"the gradients of single examples that Opacus gives for {name} do not add up to "
                "that of the batch: choose an architecture of plain layers"
            )


def check_noise(plans: Iterable[Plan], options: CohortOptions) -> None:
    """Choose the noise of some models, so that an unreachable target is an error before training.

    Raises:
        ImprintError: Opacus is missing, or as :func:`choose_noise`.
    """
    require_opacus()
    for per_epoch in sorted({plan.per_epoch for plan in plans}):
        choose_noise(options, per_epoch)


def choose_noise(options: CohortOptions, per_epoch: int) -> float:
    """Return the noise multiplier of the options, or that of the target ε.

    Args:
        options: of training, with ``epsilon`` or ``noise_multiplier``.
        per_epoch: steps an epoch.

    Raises:
        ImprintError: no noise reaches the target ε, or ε is beyond the accountant.
    """
    rate, steps = 1 / per_epoch, per_epoch * options.epochs
    epsilon = options.epsilon or accounted_epsilon(
        options.noise_multiplier, rate, steps, options.delta, "rdp"
    )
    if options.accountant == "prv" and epsilon > LARGEST_PRV_EPSILON:
        raise ImprintError(
            f"the accountant prv fills the memory at an epsilon of {epsilon:.0f}: "
            "choose the accountant rdp (--train.accountant rdp)"
        )
    return options.noise_multiplier or noise_for(
        options.epsilon, options.delta, rate, steps, options.accountant
    )


@lru_cache
def noise_for(epsilon: float, delta: float, rate: float, steps: int, accountant: str) -> float:
    """Return the noise multiplier σ that brings ε to at most ``epsilon``.

    Args:
        epsilon: the target.
        delta: δ at which it holds.
        rate: of the Poisson sampling.
        steps: of the whole training.
        accountant: ``prv`` or ``rdp``.

    Raises:
        ImprintError: no noise is enough.
    """
    from opacus.accountants.utils import get_noise_multiplier

    try:
        with _no_warnings():
            return float(
                get_noise_multiplier(
                    target_epsilon=epsilon,
                    target_delta=delta,
                    sample_rate=rate,
                    steps=steps,
                    accountant=accountant,
                )
            )
    except ValueError as error:
        raise ImprintError(
            f"no noise reaches epsilon {epsilon:g} at delta {delta:g} in {steps} steps: "
            "choose a larger epsilon or fewer epochs"
        ) from error


@lru_cache
def accounted_epsilon(
    noise: float, rate: float, steps: int, delta: float, accountant: str
) -> float:
    """Return ε of ``steps`` steps of DP-SGD at δ; arguments as for :func:`noise_for`."""
    from opacus.accountants import create_accountant

    mechanism = create_accountant(mechanism=accountant)
    mechanism.history = [(noise, rate, steps)]
    with _no_warnings():
        return float(mechanism.get_epsilon(delta=delta))


def _no_warnings() -> Any:
    """Silence warnings of Opacus about its own hooks and about orders that could be finer."""
    return warnings.catch_warnings(action="ignore", category=UserWarning)
