"""Recall against queries per second, as pictures: what a tuner tried, and kinds side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.index.kinds.registry import KINDS

if TYPE_CHECKING:
    from lookalike.index.tuning.trial import Trial

__all__ = ["draw_curves", "draw_trials"]


def _mark(name: str) -> tuple[str, str]:
    """Colour and marker, the same in every picture; told apart without colour by the marker."""
    return KINDS[name].mark if name in KINDS else ("#999999", ".")


def _canvas() -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.5, 5.2), layout="constrained")
    axes = figure.add_subplot()
    axes.set_yscale("log")
    axes.grid(True, which="both", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def draw_trials(trials: Sequence[Trial], path: Path, *, target: float, k: int, objective: str, title: str) -> None:
    """Every trial at the settings that reach the target; filled where measured in full, the chosen one ringed."""
    figure, axes = _canvas()
    for trial in trials:
        if trial.point is None:
            continue
        colour, marker = _mark(trial.candidate.kind)
        full = trial.stage == "full"
        where = trial.point.recall.mean, 1 / trial.predicted_seconds
        axes.plot(
            *where,
            marker,
            color=colour,
            markersize=9,
            markerfacecolor=colour if full else "none",
            linestyle="none",
            label=f"{trial.candidate}{'' if full else ', predicted'}",
        )
        if trial.chosen:
            axes.plot(*where, "o", color="black", markersize=17, mfc="none")
    axes.axvline(target, color="black", linestyle=":", linewidth=1)
    axes.set_xlabel(f"recall@{k} on held-out queries (dotted: the target)")
    axes.set_ylabel(f"queries per second, {'one at a time' if objective == 'latency' else 'in batches'}")
    axes.set_title(title)
    axes.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.savefig(path, dpi=130)


def draw_curves(
    curves: Mapping[str, Sequence[tuple[float, float]]], path: Path, *, k: int, title: str, what: str
) -> None:
    """Curves of `(recall, queries per second)` by name; a name's first word is its kind."""
    figure, axes = _canvas()
    for name, points in curves.items():
        colour, marker = _mark(name.split()[0])
        style = "-" if name.split()[0] in KINDS else "--"
        recalls, rates = [p[0] for p in points], [p[1] for p in points]
        axes.plot(recalls, rates, style, marker=marker, color=colour, markersize=5, linewidth=1.4, label=name)
    axes.set_xlabel(f"recall@{k}")
    axes.set_ylabel(what)
    axes.set_title(title)
    axes.set_xlim(left=max(0.0, min((p[0] for ps in curves.values() for p in ps), default=0.5) - 0.02), right=1.005)
    axes.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.savefig(path, dpi=130)
