"""One process's rows of the class matrix: all of them in training, or a sample that changes with every step.

The sample is Partial FC's. The optimizer sees a small Parameter with the sampled rows; its per-row state (momentum,
second moments) is put in place before each of its steps, and taken back after it. Weight decay and momentum therefore
never reach a row that was not sampled.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from lookalike.errors import InputError

__all__ = ["ClassRows", "starting_rows"]

#: Buffers with the optimizer's state of all rows, sampled or not, are named with this.
_KEPT = "row_"
#: Classes drawn from one seed. A part of what the starting rows are: another number gives other rows.
_BLOCK = 256


class ClassRows(nn.Module):
    """Rows `(n, d)` in `centers`, and which of them are trained.

    With `sample_rate` 1 `centers` is an ordinary Parameter. Below, it is a buffer; the Parameter is `sampled`: the rows
    of the running step, and none between steps.

    Args:
        rows: `(n, d)` floats; n may be 0.
        sample_rate: the part of the rows that a step trains, in (0, 1].
        seed: of all draws, with the step and the rank.
        rank: whose rows these are.

    Raises:
        InputError: sample_rate or seed out of range.
    """

    centers: Tensor
    sampled: nn.Parameter | None
    steps: Tensor

    def __init__(self, rows: Tensor, sample_rate: float, seed: int, rank: int) -> None:
        super().__init__()
        if not 0 < sample_rate <= 1:
            raise InputError(f"sample_rate is {sample_rate}; the part of the classes that a step trains lies in (0, 1]")
        self.sample_rate, self.seed, self.rank = float(sample_rate), check_seed(seed), rank
        if sample_rate == 1:
            self.centers = nn.Parameter(rows)
            self.register_parameter("sampled", None)
        else:
            self.register_buffer("centers", rows)
            self.sampled = nn.Parameter(rows.new_empty(0, rows.shape[1]))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self._optimizer: torch.optim.Optimizer | None = None
        self._handles: list[RemovableHandle] = []
        self._drawn: Tensor | None = None
        self._draws = 0

    @property
    def trained(self) -> nn.Parameter:
        """The Parameter that the optimizer steps: `sampled`, or `centers` where all rows are trained."""
        return cast("nn.Parameter", self.centers if self.sampled is None else self.sampled)

    def attach(self, optimizer: torch.optim.Optimizer) -> None:
        """Tell which optimizer steps the rows; needed where `sample_rate` is below 1, once, before the first step.

        Raises:
            InputError: the optimizer does not hold the Parameter, or keeps state that does not belong to rows.
        """
        self._check_held(optimizer)
        if self.sampled is not None:
            if any(
                self._per_row(optimizer, name, value, 0)
                for name, value in optimizer.state.get(self.sampled, {}).items()
            ):
                raise InputError(
                    f"{type(optimizer).__name__} makes its state before the first step, when no row is sampled yet; "
                    "use an optimizer such as SGD or AdamW, or sample_rate=1"
                )
            for handle in self._handles:
                handle.remove()
            self._handles = [
                optimizer.register_step_pre_hook(self._before_step),
                optimizer.register_step_post_hook(self._after_step),
            ]
        self._optimizer = optimizer

    def check_ready(self) -> None:
        """Raise an `InputError` where a new sample would lose an update."""
        if self._optimizer is None:
            raise InputError(
                "with sample_rate below 1, sampled rows must find their way back after each step; "
                "call attach(optimizer) with the optimizer that holds this loss's parameters, before training"
            )
        gradient = None if self.sampled is None else self.sampled.grad
        if self._drawn is not None and gradient is not None and bool(gradient.any()):
            raise InputError(
                "the last sample has a gradient, but the attached optimizer made no step; step after each backward "
                "pass (gradients are accumulated over several batches with sample_rate=1 only), or zero the gradients"
            )

    def draw(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """A new sample: all rows with a label, then random others. Returns it `(k, d)`, and labels within it.

        Args:
            labels: `(B,)` int64 in [0, n), or -1; what they become stays -1 there.
        """
        sampled, n = self.trained, len(self.centers)
        rows = cast("Tensor", torch.unique(labels[labels >= 0]))
        quota = min(n, max(1, round(self.sample_rate * n)))
        if len(rows) < quota:
            generator = torch.Generator(labels.device)
            generator.manual_seed(_mixed(self.seed, int(self.steps), self.rank))
            chances = torch.rand(n, generator=generator, device=labels.device)
            chances[rows] = 2.0
            rows = chances.topk(quota).indices.sort().values
        self._release()
        _replace(sampled, self.centers[rows])
        self._drawn, now = rows, self._draws

        def check(_: Tensor) -> None:
            if self._draws != now:
                raise InputError(
                    "this loss was computed on an earlier sample of classes; run each backward pass before the next "
                    "forward pass and before the optimizer's step"
                )

        weight = sampled.view_as(sampled)  # the hook must go when the graph goes
        weight.register_hook(check)  # type: ignore[no-untyped-call]
        return weight, torch.where(labels >= 0, torch.searchsorted(rows, labels.clamp(min=0)), -1)

    def append(self, rows: Tensor, optimizer: torch.optim.Optimizer | None = None) -> None:
        """Add rows `(k, d)` at the end; the optimizer's state of them is 0, what is there stays as it is."""
        more = rows.to(self.centers)
        if self.sampled is not None:
            for name in self._kept():
                setattr(self, name, _longer(getattr(self, name), len(more)))
            self.centers = torch.cat([self.centers, more])
            return
        parameter, optimizer = self.trained, optimizer or self._optimizer
        n = len(parameter)
        state = {} if optimizer is None else optimizer.state.get(parameter, {})
        for name in [k for k, v in state.items() if optimizer and self._per_row(optimizer, k, v, n)]:
            state[name] = _longer(state[name], len(more))
        gradient, parameter.grad = parameter.grad, None
        _replace(parameter, torch.cat([parameter.detach(), more]))
        parameter.grad = None if gradient is None else _longer(gradient, len(more))

    def set_centers(self, rows: Tensor) -> None:
        """Replace all rows `(n, d)`; a sample drawn before is void."""
        with torch.no_grad():
            self.centers.copy_(rows)
        self._release()

    def optimizer_state(self, optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The optimizer's state of all rows: tensors `(n, d)` by name, and numbers by name, such as Adam's step.

        A number that the optimizer keeps as a tensor is a list of one.
        """
        self._check_held(optimizer)
        n = len(self.trained)
        state = optimizer.state.get(self.trained, {})
        rows = {name: value for name, value in state.items() if self._per_row(optimizer, name, value, n)}
        numbers = {k: [v.item()] if isinstance(v, Tensor) else v for k, v in state.items() if k not in rows}
        if self.sampled is not None:
            rows = {name.removeprefix(_KEPT): getattr(self, name) for name in self._kept()}
        return rows, numbers

    def set_optimizer_state(
        self, optimizer: torch.optim.Optimizer, rows: dict[str, Tensor], numbers: dict[str, Any]
    ) -> None:
        """Put in place what `optimizer_state` gave."""
        self._check_held(optimizer)
        # As torch has it: a step counter lies with the parameter only where a kernel there counts it.
        near = any(group.get("capturable") or group.get("fused") for group in optimizer.param_groups)
        device = self.centers.device if near else torch.device("cpu")
        state = optimizer.state[self.trained]
        state.clear()
        for name, value in numbers.items():
            state[name] = torch.tensor(value[0], device=device) if isinstance(value, list) else value
        if self.sampled is None:
            state.update(rows)
            return
        self._forget_state()
        for name, value in rows.items():
            self.register_buffer(_KEPT + name, value)

    def _kept(self) -> list[str]:
        return [name for name in self._buffers if name.startswith(_KEPT)]

    def _forget_state(self) -> None:
        for name in self._kept():
            delattr(self, name)

    def _check_held(self, optimizer: torch.optim.Optimizer) -> None:
        if not any(parameter is self.trained for group in optimizer.param_groups for parameter in group["params"]):
            raise InputError(
                f"this {type(optimizer).__name__} does not hold this loss's parameters; "
                "construct it with [*network.parameters(), *loss.parameters()]"
            )

    def _per_row(self, optimizer: torch.optim.Optimizer, name: str, value: Any, n: int) -> bool:
        """Whether a state entry has a row for each of n rows; refuses what is neither that nor a single number."""
        if not isinstance(value, Tensor) or value.ndim == 0:
            return False
        if value.shape != (n, self.centers.shape[1]):
            raise InputError(
                f"{type(optimizer).__name__} keeps a {name!r} of shape {tuple(value.shape)}, which belongs to no "
                "class; class rows need an optimizer whose state is per element, such as SGD or AdamW"
            )
        return True

    def _before_step(self, optimizer: torch.optim.Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if kwargs.get("closure", args[1] if len(args) > 1 else None) is not None:
            raise InputError(
                "the optimizer's step was given a closure, which samples classes after their state was put in place; "
                "run forward and backward pass before step()"
            )
        if self._drawn is None or self.trained.grad is None:
            return
        state = optimizer.state[self.trained]
        for name in self._kept():
            state[name.removeprefix(_KEPT)] = getattr(self, name)[self._drawn]

    def _after_step(self, optimizer: torch.optim.Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        rows, sampled = self._drawn, self.trained
        if rows is not None and sampled.grad is not None:
            self.centers[rows] = sampled.detach()
            state = optimizer.state.get(sampled, {})
            for name in [k for k, v in state.items() if self._per_row(optimizer, k, v, len(rows))]:
                value = state.pop(name)
                if _KEPT + name not in self._buffers:
                    self.register_buffer(_KEPT + name, torch.zeros_like(self.centers, dtype=value.dtype))
                getattr(self, _KEPT + name)[rows] = value
        self._release()

    def _release(self) -> None:
        """Between steps there is no sample: nothing stale can be stepped, saved or differentiated."""
        self._draws += 1
        self._drawn = None
        if self.sampled is not None:
            self.sampled.grad = None
            _replace(self.sampled, self.centers[:0])

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        if self.sampled is not None:
            self._release()
            # Rows' state appears with the first step, so a new module has no buffer to load it into.
            self._forget_state()
            for key in state_dict:
                if key.startswith(prefix + _KEPT):
                    self.register_buffer(key.removeprefix(prefix), torch.zeros_like(self.centers))
            state_dict[prefix + "sampled"] = self.sampled.detach()
        super()._load_from_state_dict(state_dict, prefix, *args)


def starting_rows(seed: int, classes: range, embedding_size: int) -> Tensor:
    """Rows `(len(classes), embedding_size)` to start with; class j's depends on the seed and j only.

    So any number of processes starts from the same matrix, as does a class that is added later.
    """
    rows = torch.empty(len(classes), embedding_size)
    block = torch.empty(_BLOCK, embedding_size)
    generator = torch.Generator()
    done = 0
    while done < len(classes):
        number = classes[done] // _BLOCK
        generator.manual_seed(_mixed(seed, number))
        block.normal_(std=0.01, generator=generator)
        mine = torch.arange(classes[done] % _BLOCK, _BLOCK, classes.step)[: len(classes) - done]
        rows[done : done + len(mine)] = block[mine]
        done += len(mine)
    return rows


def check_seed(seed: int) -> int:
    """Return a seed, or raise an `InputError`."""
    if not isinstance(seed, int) or seed < 0:
        raise InputError(f"seed is {seed!r}; give a whole number, not below 0")
    return seed


def _mixed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])


def _longer(rows: Tensor, more: int) -> Tensor:
    return torch.cat([rows, rows.new_zeros(more, *rows.shape[1:])])


def _replace(parameter: nn.Parameter, data: Tensor) -> None:
    """Give a parameter other data, of another shape.

    Autograd remembers the shape for as long as any old graph lives, and would refuse gradients of the new one. It
    forgets on a change of dtype.
    """
    other = torch.float32 if parameter.dtype != torch.float32 else torch.float16
    parameter.data = parameter.data.new_empty(0, dtype=other)
    parameter.data = data
