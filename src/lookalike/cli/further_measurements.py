"""What `lookalike evaluate` measures besides: each gives a section of the report and an entry of `metrics.json`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.cli.measuring import embed_set
from lookalike.cli.terminal import note, show_progress
from lookalike.datasets import PictureSet, read_pictures
from lookalike.datasets.lfw import read_lfw_pairs
from lookalike.datasets.picture_groups import read_groups
from lookalike.decisions.promise import Promise
from lookalike.embedder import Calibration, Embedder
from lookalike.errors import FingerprintError, InputError
from lookalike.evaluation.data_checks import check_data, check_pictures
from lookalike.evaluation.identification.distractors import rank_among_distractors
from lookalike.evaluation.report import report_sections
from lookalike.evaluation.report.page import Section
from lookalike.evaluation.verification.all_pairs import VerificationResult, verify_all_pairs
from lookalike.evaluation.verification.groups import compare_groups
from lookalike.evaluation.verification.listed_pairs import pair_distances
from lookalike.evaluation.verification.model_comparison import compare_verification
from lookalike.evaluation.verification.pair_counts import PairCounts, count_all_pairs
from lookalike.evaluation.verification.ten_folds import accuracy_over_folds

__all__ = [
    "Further",
    "against",
    "all_pairs",
    "among_distractors",
    "by_groups",
    "findings",
    "listed_pairs",
    "promised",
    "sampled",
]

Vectors = npt.NDArray[np.float32]

#: Endings of files that hold vectors, not a list of pictures.
_VECTORS = (".npy", ".fvecs", ".bvecs", ".hdf5")
#: Pictures of which all pairs are kept: 4.5 million, whose bootstrap takes two minutes.
SAMPLE = 3_000
#: Fewer distractors than this make no curve.
_FEW_DISTRACTORS = 10


@dataclass
class Further:
    """Sections and metrics, in the order in which they were measured."""

    sections: list[Section] = field(default_factory=list)
    metrics: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, section: Section, metrics: Any) -> None:
        """Keep one measurement."""
        self.sections.append(section)
        self.metrics[name] = metrics


def findings(further: Further, vectors: Vectors, kept: PictureSet, trained_on: str | None) -> None:
    """What is wrong with the data; warnings are said at once."""
    trained = read_pictures(trained_on).identities if trained_on else None
    found = check_data(vectors, kept.identities, pictures=kept.paths, training_labels=trained)
    found += check_pictures(kept.paths, kept.identities)
    for one in found:
        if one.severity != "note":
            note(one.text)
    rows = [{"kind": one.kind, "severity": one.severity, "text": one.text} for one in found]
    further.add("findings", report_sections.findings_section(found, trained is not None), rows)


def sampled(pictures: PictureSet, seed: int) -> npt.NDArray[np.int64]:
    """Positions of the pictures of randomly drawn people, about `SAMPLE` of them; all, where there are no more."""
    if len(pictures) <= SAMPLE:
        return np.arange(len(pictures))
    counts = np.bincount(pictures.labels)
    order = np.random.default_rng(seed).permutation(len(counts))
    taken = max(2, int(np.searchsorted(np.cumsum(counts[order]), SAMPLE, side="right")))
    return np.flatnonzero(np.isin(pictures.labels, order[:taken]))


def all_pairs(further: Further, vectors: Vectors, kept: PictureSet, embedder: Embedder) -> PairCounts:
    """Every pair of a set too large to keep them: rates down to one error of all pairs there are."""
    with show_progress() as progress:
        counts = count_all_pairs(vectors, kept.identities, embedder.metric, progress)
    targets = [target for power in range(2, 13) if (target := 10.0**-power) * counts.impostor_pairs >= 1]
    points = [counts.tar_at_far(target) for target in targets]
    metrics = {
        "genuine_pairs": counts.genuine_pairs,
        "impostor_pairs": counts.impostor_pairs,
        "eer": counts.eer,
        "auc": counts.auc,
        "tar_at_far": points,
    }
    section = report_sections.all_pairs_section(counts, points, len(kept), SAMPLE)
    further.add("all_pairs", section, metrics)
    return counts


def promised(further: Further, calibration: Calibration, promise: Promise, fixed: float) -> None:
    """What the promise means from a thousand people to ten million."""
    rows = []
    for size in report_sections.PROMISED_SIZES if promise.kind == "fpir" else (1,):
        try:
            rows.append(calibration.promised(promise, size))
        except InputError as error:
            note(f"among {size:,}: {error}")
            break
    metrics = {"kind": promise.kind, "rate": promise.rate, "galleries": rows}
    further.add("promise", report_sections.promise_section(calibration, promise, fixed), metrics)


def among_distractors(
    further: Further, vectors: Vectors, kept: PictureSet, embedder: Embedder, source: str | None, seed: int
) -> None:
    """Rank 1 among growing numbers of distractors; of the set itself, where none are given."""
    labels = np.asarray(kept.labels)
    if source is not None:
        strangers, words = _distractors(source, embedder), f"of {source}"
        probes, codes = vectors, labels
    else:
        # Whoever has several pictures may be searched, but not all of them: somebody has to be the strangers.
        several = np.flatnonzero(np.bincount(labels) > 1)
        searched = np.random.default_rng(seed).permutation(several)[: max(1, len(kept.names) // 2)]
        inside = np.isin(labels, searched)
        probes, codes, strangers = vectors[inside], labels[inside], vectors[~inside]
        words = f"the pictures of the other {len(kept.names) - len(searched)} identities"
        if len(strangers) < _FEW_DISTRACTORS or not len(several):
            return
    with show_progress() as progress:
        ranks = rank_among_distractors(probes, codes, strangers, embedder.metric, seed=seed, progress=progress)
    rows = [
        {"distractors": size, "rank_1": float(rate), "interval": interval}
        for size, rate, interval in zip(ranks.sizes, ranks.rank_k(1), ranks.intervals(1), strict=True)
    ]
    section = report_sections.distractor_section({embedder.name: ranks}, {}, words)
    further.add("distractors", section, {"searches": len(ranks.probe), "of": words, "curve": rows})


def _distractors(source: str, embedder: Embedder) -> Vectors:
    """Vectors of strangers: pictures that are embedded, or vectors that are read."""
    from lookalike.index.vector_files import open_vectors

    path = Path(source)
    if not (path / "vectors.toml").is_file() and path.suffix.lower() not in _VECTORS:
        return embed_set(embedder, read_pictures(source), skip_bad=True, description="Embedding distractors")[0]
    with open_vectors(path) as vectors:
        if vectors.fingerprint not in ("", embedder.fingerprint):
            raise FingerprintError(
                f"{source} was embedded by model {vectors.fingerprint}, this one is {embedder.fingerprint}; embed the "
                "pictures again with this model"
            )
        return vectors.read()


def by_groups(
    further: Further, verification: VerificationResult, kept: PictureSet, csv: Path, threshold: float
) -> None:
    """FMR and FNMR of every group at one threshold."""
    rates = compare_groups(verification, list(read_groups(csv, kept)), threshold=threshold)
    metrics = {
        "threshold": rates.threshold,
        "overall": {"fmr": rates.overall_fmr, "fnmr": rates.overall_fnmr},
        "groups": {
            str(group): {
                "fmr": rates.fmr[group, group],
                "fnmr": rates.fnmr[group],
                "fmr_with": {str(other): rates.fmr[group, other].rate for other in rates.groups},
            }
            for group in rates.groups
        },
        "worst_to_best": {kind: rates.worst_to_best(kind) for kind in ("fmr", "fnmr")},
    }
    further.add("groups", report_sections.group_section(rates), metrics)


def against(
    further: Further, verification: VerificationResult, kept: PictureSet, ours: str, rival: Embedder, seed: int
) -> None:
    """The same pictures by another model, compared pair by pair."""
    vectors, same = embed_set(rival, kept, description=f"Embedding with {rival.name}")
    assert len(same) == len(kept)
    theirs = verify_all_pairs(vectors, kept.identities, rival.metric)
    found = compare_verification(verification, theirs, targets=(0.1, 0.01, 0.001), seed=seed)
    further.add(
        "against", report_sections.comparison_section(ours, rival.name, found), {"model": rival.name, **vars(found)}
    )


def listed_pairs(further: Further, folder: str, file: Path, embedder: Embedder) -> None:
    """Accuracy over the folds of a list in LFW's format, View 2."""
    listed = read_lfw_pairs(file)
    pictures = PictureSet(listed.paths(folder), listed.identities)
    vectors, _ = embed_set(embedder, pictures, description="Embedding listed pairs")
    distances = pair_distances(vectors, listed.pairs, embedder.metric)
    found = accuracy_over_folds(distances, listed.genuine, listed.folds)
    section = report_sections.folds_section(found, f"{len(listed):,} pairs of {file}")
    metrics: dict[str, Any] = {"accuracy": found.mean, "standard_error": found.standard_error, "pairs": len(listed)}
    metrics |= {"accuracies": found.accuracies, "thresholds": found.thresholds}
    further.add("listed_pairs", section, metrics)
