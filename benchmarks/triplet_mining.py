"""Semi-hard triplet loss, forward and backward, of growing batches: ours, and two libraries', in one process.

128-d unit vectors, 4 an identity. Prints one JSON line per library and batch (seconds: the shortest of several runs;
MB: peak memory beyond what was held before), then the ratios, then the machine.

- `lookalike`: all semi-hard triplets, exact, in tiles of anchors.
- `pytorch-metric-learning`: the same triplets, listed (TripletMarginMiner and TripletMarginLoss). Values must agree.
- `sentence-transformers`: B × B matrices and sorting; one negative a positive, so it has less to do, and its value is
  another. It is measured where it is installed: `pip install sentence-transformers`.

    python benchmarks/triplet_mining.py
    python benchmarks/triplet_mining.py --device cuda --batches 1024 16384 65536
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from peak_memory import machine, measured
from torch import Tensor
from torch.nn import functional

from lookalike.losses import TripletLoss

Loss = Callable[[Tensor, Tensor], Tensor]
MARGIN, DIMENSION, PER_IDENTITY = 0.2, 128, 4
#: Beyond these, a library does not fit in 24 GB of memory.
LARGEST = {"lookalike": 1 << 20, "pytorch-metric-learning": 1024, "sentence-transformers": 8192}


def pytorch_metric_learning() -> Loss:
    from pytorch_metric_learning import losses, miners

    miner = miners.TripletMarginMiner(margin=MARGIN, type_of_triplets="semihard")
    loss = losses.TripletMarginLoss(margin=MARGIN)

    def value(x: Tensor, labels: Tensor) -> Tensor:
        found: Tensor = loss(x, labels, miner(x, labels))
        return found

    return value


def sentence_transformers() -> Loss:
    from sentence_transformers.sentence_transformer.losses import BatchSemiHardTripletLoss

    loss: Any = BatchSemiHardTripletLoss(model=None, margin=MARGIN)

    def value(x: Tensor, labels: Tensor) -> Tensor:
        found: Tensor = loss.batch_semi_hard_triplet_loss(labels, x)
        return found

    return value


def step(loss: Loss, x: Tensor, labels: Tensor) -> float:
    x.grad = None
    value = loss(x, labels)
    value.backward()  # type: ignore[no-untyped-call]
    return float(value.detach())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, nargs="+", default=[1024, 4096, 16384, 65536])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--repeat", type=int, default=5, help="runs of batches up to 4096; one of larger ones")
    given = parser.parse_args()
    engines: dict[str, Loss] = {"lookalike": TripletLoss(MARGIN, "semihard")}
    engines["pytorch-metric-learning"] = pytorch_metric_learning()
    if importlib.util.find_spec("sentence_transformers"):
        engines["sentence-transformers"] = sentence_transformers()
    rows = {}
    for batch in given.batches:
        torch.manual_seed(0)
        x = functional.normalize(torch.randn(batch, DIMENSION, device=given.device)).requires_grad_()
        labels = torch.arange(batch, device=given.device) // PER_IDENTITY
        for name, loss in engines.items():
            if batch > LARGEST[name]:
                continue
            step(loss, x[:64].detach().requires_grad_(), labels[:64])  # whatever is set up once
            repeat = given.repeat if batch <= 4096 else 1
            seconds, peak, value = measured(partial(step, loss, x, labels), repeat, given.device)
            rows[name, batch] = row = {"seconds": round(seconds, 4), "peak_mb": round(peak, 1), "loss": round(value, 6)}
            print(json.dumps({"engine": name, "batch": batch, **row}), flush=True)
    for (name, batch), row in rows.items():
        ours = rows["lookalike", batch]
        if name != "lookalike":
            ratios = {
                "times_faster": round(row["seconds"] / ours["seconds"], 1),
                "times_less_memory": round(row["peak_mb"] / max(ours["peak_mb"], 0.1), 1),
            }
            print(json.dumps({"ratio": f"{name} / lookalike", "batch": batch, **ratios}))
    print(json.dumps(machine(given.device)))


if __name__ == "__main__":
    main()
