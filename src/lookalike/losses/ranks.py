"""What the processes of one training exchange: numbers, embeddings with their gradients, sums over classes.

Every process must take part in every exchange, or the others wait for it. What may fail on one of them alone is
therefore sent to all before they go on, and all raise together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, cast

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from lookalike.errors import ArtefactError, InputError, LookalikeError, StorageError, VectorError

__all__ = ["Ranks"]

#: The errors that a process may fail with, each by the number that is sent to the others.
_KINDS: tuple[type[LookalikeError], ...] = (LookalikeError, InputError, VectorError, ArtefactError, StorageError)
#: Bytes of a message that are sent to the others.
_MESSAGE = 600


class Ranks:
    """The processes of a group, or this one alone where `torch.distributed` is not initialised.

    Args:
        group: the process group; None is the default group.

    Raises:
        InputError: this process is no member of the group.

    Attributes:
        count: how many there are.
        rank: this one's number, from 0.
    """

    def __init__(self, group: dist.ProcessGroup | None = None) -> None:
        together = dist.is_available() and dist.is_initialized()
        self.group = group
        self.count: int = dist.get_world_size(group) if together else 1
        self.rank: int = dist.get_rank(group) if together else 0
        if self.rank < 0:
            raise InputError(
                "this process is not in the process group it was given; construct the loss on members only"
            )

    def exchange(self, numbers: Sequence[int], device: torch.device) -> list[list[int]]:
        """Everybody's numbers, in the order of ranks; all must give equally many."""
        if self.count == 1:
            return [[int(number) for number in numbers]]
        own = torch.tensor([int(number) for number in numbers], dtype=torch.int64, device=device)
        parts = [torch.empty_like(own) for _ in range(self.count)]
        dist.all_gather(parts, own, group=self.group)
        return cast("list[list[int]]", torch.stack(parts).tolist())

    @contextmanager
    def together(self, device: torch.device) -> Iterator[None]:
        """Do something alone that may fail, such as writing a file; when it fails on one rank, all raise after it."""
        error: LookalikeError | None = None
        try:
            yield
        except LookalikeError as raised:
            error = raised
        if any(failed for (failed,) in self.exchange([error is not None], device)):
            self.fail(error, device)

    def fail(self, error: LookalikeError | None, device: torch.device) -> NoReturn:
        """Raise on every rank: its own error, or one that tells the first other's; all must call it."""
        kind = next((i for i, kind in reversed(list(enumerate(_KINDS))) if isinstance(error, kind)), 0)
        text = str(error or "").encode()[:_MESSAGE]
        told = self.exchange([error is not None, kind, *text, *[0] * (_MESSAGE - len(text))], device)
        if error is not None:
            raise error
        rank = next(i for i, (failed, *_) in enumerate(told) if failed)
        message = bytes(told[rank][2:]).rstrip(b"\0").decode(errors="ignore")
        raise _KINDS[told[rank][1]](f"rank {rank} of {self.count}: {message}")

    def gather(self, rows: Tensor, sizes: Sequence[int], averaged: bool = False) -> Tensor:
        """All ranks' `(B_r, ...)` rows below each other, `(sum of sizes, ...)`, with their gradient's way back.

        The way back sums what all ranks found the gradient of their part to be; `averaged` returns it times the number
        of ranks.
        """
        if self.count == 1:
            return rows
        return cast("Tensor", _Gather.apply(rows, self, tuple(sizes), averaged))

    def combine(self, target: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
        """From `(B,)` scores of each rank's classes to those of all: sums of targets, log-sum-exps of rests.

        A target is 0 on all ranks but its class's; a rest is -inf on a rank without other classes. Every rank gets
        the same two results and goes on with them alike, so the backward pass needs no exchange.
        """
        if self.count == 1:
            return target, rest
        return cast("tuple[Tensor, Tensor]", _Combine.apply(target, rest, self))


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, ranks: Ranks, sizes: tuple[int, ...], averaged: bool) -> Tensor:
        ctx.options = ranks, sizes, averaged
        missing = max(sizes) - len(rows)  # gloo gathers equal shapes only
        own = functional.pad(rows, (0, 0) * (rows.ndim - 1) + (0, missing)) if missing else rows
        parts = [torch.empty_like(own, memory_format=torch.contiguous_format) for _ in sizes]
        dist.all_gather(parts, own.contiguous(), group=ranks.group)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        ranks, sizes, averaged = ctx.options
        whole = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(whole, group=ranks.group)
        start = sum(sizes[: ranks.rank])
        own = whole[start : start + sizes[ranks.rank]]
        return own * ranks.count if averaged else own.clone(), None, None, None


class _Combine(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, target: Tensor, rest: Tensor, ranks: Ranks) -> tuple[Tensor, Tensor]:
        top = rest.clone()
        dist.all_reduce(top, op=dist.ReduceOp.MAX, group=ranks.group)
        top = torch.where(torch.isinf(top), 0.0, top)  # where no rank has another class, -inf - (-inf) would be NaN
        sums = torch.stack([target, (rest - top).exp()])
        dist.all_reduce(sums, group=ranks.group)
        whole = top + sums[1].log()
        ctx.save_for_backward(torch.where(torch.isinf(whole), 0.0, (rest - whole).exp()))
        return sums[0].clone(), whole

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, to_target: Tensor, to_rest: Tensor) -> tuple[Tensor | None, ...]:
        (share,) = ctx.saved_tensors
        return to_target, to_rest * share, None
