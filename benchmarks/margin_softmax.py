"""ArcFace over very many classes, forward and backward: ours, pytorch-metric-learning's, and plain full logits.

256-d embeddings, a batch of 256. Prints one JSON line per implementation and number of classes (seconds: the shortest
of several runs; MB: peak memory beyond the weights and their gradient, which every implementation holds), then the
ratios, then the machine. The losses must agree.

- `lookalike`: classes in chunks, an online log-sum-exp, scores computed again going back.
- `pytorch-metric-learning`: its ArcFaceLoss.
- `full logits`: what one writes by hand: B × C cosines, the margin, cross-entropy.

    python benchmarks/margin_softmax.py
    python benchmarks/margin_softmax.py --device cuda --classes 1000000 10000000
"""

from __future__ import annotations

import argparse
import json
import math

import torch
from peak_memory import machine, measured
from torch import Tensor, nn
from torch.nn import functional

from lookalike.losses import ArcFaceLoss

MARGIN, SCALE, DIMENSION, BATCH = 0.5, 64.0, 256, 256


class FullLogits(nn.Module):
    """The textbook step."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.centers = nn.Parameter(torch.empty(classes, DIMENSION))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        """B × C cosines, several times over."""
        cos = functional.linear(functional.normalize(x), functional.normalize(self.centers))
        rows = torch.arange(len(x), device=x.device)
        target = cos[rows, labels]
        sine = (1 - target.square()).clamp(min=1e-6).sqrt()
        with_margin = target * math.cos(MARGIN) - sine * math.sin(MARGIN)
        return functional.cross_entropy(SCALE * cos.index_put((rows, labels), with_margin), labels)


def pytorch_metric_learning(classes: int) -> nn.Module:
    from pytorch_metric_learning import losses

    module: nn.Module = losses.ArcFaceLoss(classes, DIMENSION, margin=math.degrees(MARGIN), scale=SCALE)
    return module


def lookalike(classes: int) -> nn.Module:
    return ArcFaceLoss(classes, DIMENSION, MARGIN, SCALE)


ENGINES = {"lookalike": lookalike, "pytorch-metric-learning": pytorch_metric_learning, "full logits": FullLogits}


def step(loss: nn.Module, x: Tensor, labels: Tensor) -> float:
    for tensor in (x, *loss.parameters()):
        tensor.grad = None
    value: Tensor = loss(x, labels)
    value.backward()  # type: ignore[no-untyped-call]
    return float(value.detach())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--engines", nargs="+", default=list(ENGINES), choices=list(ENGINES))
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    rows = {}
    for classes in given.classes:
        torch.manual_seed(0)
        x = torch.randn(BATCH, DIMENSION, device=given.device, requires_grad=True)
        labels = torch.randint(classes, (BATCH,), device=given.device)
        centers = torch.randn(classes, DIMENSION)
        for name in given.engines:
            loss = ENGINES[name](classes).to(given.device)
            with torch.no_grad():
                (weight,) = loss.parameters()
                weight.copy_(centers if weight.shape == centers.shape else centers.T)

            def run(loss: nn.Module = loss, x: Tensor = x, labels: Tensor = labels) -> float:
                return step(loss, x, labels)

            def clear(loss: nn.Module = loss) -> None:
                for parameter in loss.parameters():
                    parameter.grad = None

            best, most, value = math.inf, 0.0, 0.0
            for _ in range(given.repeat):
                clear()
                seconds, peak, value = measured(run, 1, given.device)
                best, most = min(best, seconds), max(most, peak - classes * DIMENSION * 4 / 1e6)
            rows[name, classes] = row = {"seconds": round(best, 3), "peak_mb": round(most, 1), "loss": round(value, 4)}
            print(json.dumps({"engine": name, "classes": classes, **row}), flush=True)
            del loss, weight, run, clear
    for (name, classes), row in rows.items():
        ours = rows.get(("lookalike", classes))
        if ours and name != "lookalike":
            ratios = {
                "times_faster": round(row["seconds"] / ours["seconds"], 2),
                "times_less_memory": round(row["peak_mb"] / max(ours["peak_mb"], 0.1), 1),
            }
            print(json.dumps({"ratio": f"{name} / lookalike", "classes": classes, **ratios}))
    print(json.dumps(machine(given.device)))


if __name__ == "__main__":
    main()
