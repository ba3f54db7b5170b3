"""Margin softmax over classes that no single process could hold: each rank has its share of the class matrix."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor

from lookalike.errors import InputError, LookalikeError, VectorError
from lookalike.losses.angular_margin import check_margins, combined_margin
from lookalike.losses.batch_checks import check_batch, check_classes, check_scale, check_sizes
from lookalike.losses.class_chunks import class_scores
from lookalike.losses.class_rows import ClassRows, check_seed, starting_rows
from lookalike.losses.directions import unit_vectors
from lookalike.losses.margin_softmax import share_lost
from lookalike.losses.ranks import Ranks

__all__ = ["ShardedSoftmaxLoss"]


class ShardedSoftmaxLoss(ClassRows):
    """`CombinedMarginLoss` with the class matrix split over the ranks of a process group: the same value, exactly.

    Every rank embeds its own part of the batch. Embeddings and labels are gathered, every rank scores the whole batch
    against its own classes, and per embedding three numbers are reduced over ranks: the right class's score, the
    maximum, and the sum of exponentials. The loss is the mean over the whole batch and the same on every rank; the
    centers' gradients stay where the centers are. Class j lives on rank j % world, in row j // world. It starts from
    the same center whatever the number of ranks, which may exceed that of classes. Without `torch.distributed` it
    works alone.

    With `sample_rate` below 1 (Partial FC), a training step uses all classes of the batch and random others, so many
    that every rank uses this part of its classes (or more, where the batch has more). What is not sampled, center and
    optimizer state, does not change, by weight decay or momentum neither. Call `attach(optimizer)` once. In eval mode,
    and where gradients are off, all classes are used.

    This loss must not be wrapped in DistributedDataParallel, for its parameters differ by rank. A backbone in DDP has
    its gradients averaged over ranks, though each rank has only its own rows' part of the whole: `averaged=True` makes
    up for it, and the backbone's gradient is that of one process with the whole batch. Clip the gradients of backbone
    and loss separately: a norm that includes the centers differs by rank, and would drive the backbones apart. ::

        # torchrun --nproc-per-node 8 train.py
        dist.init_process_group("nccl")
        network = DistributedDataParallel(backbone.cuda())
        loss = ShardedSoftmaxLoss(1_000_000, 512, sample_rate=0.1, averaged=True).cuda()
        optimizer = torch.optim.SGD([*network.parameters(), *loss.parameters()], lr=0.1, momentum=0.9)
        loss.attach(optimizer)
        for pictures, labels in batches:
            loss(network(pictures), labels).backward()
            optimizer.step()
            optimizer.zero_grad()

    Deng, Guo, Xue, Zafeiriou, "ArcFace", CVPR 2019 (parallel acceleration). An et al., "Partial FC: Training 10 Million
    Identities on a Single Machine", ICCVW 2021. An et al., "Killing Two Birds with One Stone: Efficient and Robust
    Training of Face Recognition CNNs by Partial FC", CVPR 2022.

    Args:
        num_classes: identities in training, on all ranks together.
        embedding_size: dimensions of the embeddings.
        margins: (m1, m2, m3) of `CombinedMarginLoss`: (1, m, 0) is ArcFace, (1, 0, m) CosFace, (1, 0, 0) none.
        scale: s. 64 suits large sets; a few dozen identities want 16 to 32.
        sample_rate: the part of its classes that a rank uses in a training step, in (0, 1].
        seed: of starting centers and samples; the same on all ranks.
        group: the process group; None is the default group.
        averaged: multiply the embeddings' gradient by the number of ranks, for a backbone in DDP.

    Raises:
        InputError: margin, scale, sample_rate or seed out of range, or a size below 1.

    Attributes:
        centers: `(rows, embedding_size)` centers of this rank's classes: a Parameter, with sampling a buffer.
        steps: forward passes in training so far; sampling depends on (seed, steps, rank).

    Example:
        >>> head = ShardedSoftmaxLoss(num_classes=1000, embedding_size=128)
        >>> head(torch.randn(8, 128), torch.arange(8)).ndim
        0
    """

    def __init__(
        self,
        num_classes: int,
        embedding_size: int,
        margins: tuple[float, float, float] = (1.0, 0.5, 0.0),
        scale: float = 64.0,
        sample_rate: float = 1.0,
        seed: int = 0,
        group: dist.ProcessGroup | None = None,
        averaged: bool = False,
    ) -> None:
        check_sizes(num_classes, embedding_size)
        scale, margins, ranks = check_scale(scale), check_margins(margins), Ranks(group)
        classes = range(ranks.rank, num_classes, ranks.count)
        super().__init__(starting_rows(check_seed(seed), classes, embedding_size), sample_rate, seed, ranks.rank)
        self.ranks, self.num_classes, self.embedding_size = ranks, num_classes, embedding_size
        self.margins, self.scale, self.averaged = margins, scale, averaged

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """`(B, d)` floats and `(B,)` int64 of this rank give the scalar of all; B may differ by rank, and be 0.

        Raises:
            VectorError: another shape or label on any rank, or ranks that disagree; all ranks raise.
            InputError: no optimizer is attached, or the last sample was not stepped; all ranks raise.
        """
        learning = self.training and torch.is_grad_enabled()
        sampling = learning and self.sampled is not None
        x, sizes = self._agree(embeddings, labels, sampling)
        with torch.autocast(x.device.type, enabled=False):
            x = self.ranks.gather(unit_vectors(x), sizes, self.averaged)
            labels = self.ranks.gather(labels, sizes)
            own = torch.where(labels % self.ranks.count == self.rank, labels // self.ranks.count, -1)
            weight, own = self.draw(own) if sampling else (self.centers, own)
            scores = class_scores(x, weight, own, scale=self.scale)
            target, rest = self.ranks.combine(scores.target, scores.rest)
            value = share_lost(self.scale * combined_margin(target, self.margins), rest)
        if learning:
            self.steps += 1
        return value

    def add_classes(self, count: int, optimizer: torch.optim.Optimizer | None = None) -> None:
        """Add classes, numbered on from the last; call it alike on every rank, between steps.

        Parameters stay the same objects and the optimizer goes on; old classes keep their centers and state, new ones
        start as the seed has them, with state 0.

        Args:
            count: how many, at least 1.
            optimizer: what steps this loss; None is the attached one.

        Raises:
            InputError: count below 1, or an optimizer whose state is not per element.
        """
        if count < 1:
            raise InputError(f"{count} classes were to be added; at least 1 can be")
        world, more = self.ranks.count, self.num_classes + count
        first = self.num_classes + (self.rank - self.num_classes) % world
        self.append(starting_rows(self.seed, range(first, more, world), self.embedding_size), optimizer)
        self.num_classes = more

    def _agree(self, embeddings: Tensor, labels: Tensor, sampling: bool) -> tuple[Tensor, list[int]]:
        """The checked batch, and all ranks' sizes; whatever is wrong on one rank, all raise before they would wait."""
        error: LookalikeError | None = None
        device, told = self.centers.device, [0] * 6
        try:
            x = check_batch(embeddings, labels, self.embedding_size)
            if len(labels):
                check_classes(labels, self.num_classes)
            if not x.device == labels.device == device:
                raise VectorError(
                    f"embeddings are on {x.device}, labels on {labels.device}, this loss on {device}; "
                    "move them to one device"
                )
            if sampling:
                self.check_ready()
            wants = torch.is_grad_enabled() and x.requires_grad
            told = [len(x), x.dtype == torch.float64, wants, sampling, self.num_classes, int(self.steps)]
        except LookalikeError as raised:
            error = raised
        states = self.ranks.exchange([error is not None, *told], device)
        if any(failed for failed, *_ in states):
            self.ranks.fail(error, device)
        names = ("dtypes", "whether embeddings want gradients", "sampling", "numbers of classes", "steps")
        for name, values in zip(names, zip(*(state[2:] for state in states), strict=True), strict=True):
            if len(set(values)) > 1:
                raise VectorError(f"ranks differ in {name}: {list(values)}, by rank; all must train alike")
        sizes = [state[1] for state in states]
        if not sum(sizes):
            raise VectorError("the batch is empty on every rank; a mean over no embeddings is not a number")
        return x, sizes
