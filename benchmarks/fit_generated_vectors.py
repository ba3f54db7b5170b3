"""Fit the constants of `lookalike.index.generated_vectors` to dlib's embeddings of real faces, and print them.

Few identities make a sample's spectrum steeper than the population's. So the curves are not laid through the measured
spectra; they are those from which a simulated study of the same size (as many identities and pictures) shows the
measured spectra. Then it prints real beside generated: cosines of genuine and impostor pairs, and the spectra.

    python benchmarks/fit_generated_vectors.py --whole-photographs ../shared/data/lfw_10x10   # a minute
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.datasets import read_image_folder
from lookalike.embedder import Embedder
from lookalike.index.generated_vectors import MEAN_LENGTH, Spectrum, generated_vectors
from lookalike.samples.orl_faces import orl_faces

Doubles = npt.NDArray[np.float64]
SIMULATIONS = 8


def embedded(photographs: Path | None) -> Doubles:
    """`(identities, pictures, 128)` unit vectors; every identity has 10 pictures."""
    sets = [(orl_faces(), True)] + ([(read_image_folder(photographs), False)] if photographs else [])
    people = []
    for pictures, cropped in sets:
        vectors = Embedder.load("dlib", cropped=cropped).embed(pictures.paths).astype(np.float64)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        names = np.array(pictures.identities)
        people += [vectors[names == name][:10] for name in dict.fromkeys(pictures.identities)]
    return np.stack(people)


def spectra(people: Doubles) -> tuple[Doubles, Doubles]:
    """Eigenvalues, largest first, of the covariance of identities' means, and of the covariance within."""
    means = people.mean(axis=1)
    within = (people - means[:, None]).reshape(-1, people.shape[2])
    inside = within.T @ within / (people.shape[0] * (people.shape[1] - 1))
    return np.linalg.eigvalsh(np.cov(means.T))[::-1], np.linalg.eigvalsh(inside)[::-1]


def simulated(people: Doubles, axes: int, between: Spectrum, within: Spectrum, quality: float, seed: int) -> Doubles:
    """A study of the same size from the model, over its own axes."""
    rng = np.random.default_rng(seed)
    count, pictures = people.shape[:2]
    worse = np.exp(quality * rng.standard_normal((count, pictures, 1)) - quality**2)
    spread = worse * rng.standard_normal((count, pictures, axes)) * within.deviations(axes)
    return rng.standard_normal((count, 1, axes)) * between.deviations(axes) + spread


def shares(eigenvalues: Doubles, axes: int) -> Doubles:
    """Cumulative share of the variance, which is what a fit compares."""
    kept = eigenvalues[:axes]
    return np.asarray(np.cumsum(kept) / kept.sum())


def nearest_curve(total: float, target: Doubles, study: Callable[[Spectrum], Doubles]) -> Spectrum:
    """The curve whose simulated study shows the target, from a grid refined once."""
    best, found = np.inf, Spectrum(total, 1, 1)
    reaches, powers = np.geomspace(0.05, 1.5, 15), np.arange(0.5, 2.01, 0.25)
    for _ in range(2):
        for reach, power in itertools.product(reaches, powers):
            curve = Spectrum(total, float(reach), float(power))
            error = float(((study(curve) - target) ** 2).sum())
            if error < best:
                best, found = error, curve
        reaches, powers = found.reach * np.geomspace(0.85, 1.18, 9), found.power + np.arange(-0.2, 0.21, 0.05)
    return Spectrum(round(total, 5), round(found.reach, 3), round(found.power, 2))


def fitted(people: Doubles) -> dict[str, Any]:
    """The constants of `generated_vectors`."""
    count, pictures = people.shape[:2]
    of_means, of_within = spectra(people)
    axes = int((of_within > 1e-4 * of_within[0]).sum())
    total_within = float(of_within.sum())
    total_between = float(of_means.sum()) - total_within / pictures
    residuals = ((people - people.mean(axis=1, keepdims=True)) ** 2).sum(axis=2).ravel()
    # Var(q² g) with q log-normal: (1 + v_g) exp(4 QUALITY²) = 1 + v of the squared lengths.
    gaussian = 2 * (of_within**2).sum() / total_within**2
    heavier = (1 + residuals.var() / residuals.mean() ** 2) / (1 + gaussian)
    quality = float(np.sqrt(max(0.0, np.log(heavier)) / 4))

    def averaged(which: int, between: Spectrum, within: Spectrum) -> Doubles:
        studies = [simulated(people, axes, between, within, quality, seed) for seed in range(SIMULATIONS)]
        return np.asarray(np.mean([shares(spectra(study)[which], axes) for study in studies], axis=0))

    flat = Spectrum(total_between, 1, 1)
    within = nearest_curve(total_within, shares(of_within, axes), lambda curve: averaged(1, flat, curve))
    between = nearest_curve(total_between, shares(of_means, axes), lambda curve: averaged(0, curve, within))
    length = float(np.linalg.norm(people.mean(axis=(0, 1))))
    # The mean of few identities is longer than the true one by their scatter.
    length = float(np.sqrt(length**2 - of_means.sum() / count))
    return {
        "BETWEEN": between,
        "WITHIN": within,
        "MEAN_LENGTH": round(length, 4),
        "QUALITY": round(quality, 3),
        "AXES_OF_128": axes,
    }


def described(people: Doubles) -> dict[str, Any]:
    """What real and generated vectors are compared by."""
    flat = people.reshape(-1, people.shape[2])
    cosines = flat @ flat.T
    same = np.kron(np.eye(len(people)), np.ones((people.shape[1],) * 2)).astype(bool)
    genuine, impostor = cosines[same & ~np.eye(len(flat), dtype=bool)], cosines[~same]
    of_means, of_within = spectra(people)
    rounded = {"genuine_cosine": genuine, "impostor_cosine": impostor}
    return {
        **{name: [round(float(values.mean()), 4), round(float(values.std()), 4)] for name, values in rounded.items()},
        "impostor_cosine_99.9%": round(float(np.quantile(impostor, 0.999)), 4),
        "genuine_cosine_1%": round(float(np.quantile(genuine, 0.01)), 4),
        "share_between": shares(of_means, 128)[[0, 3, 7, 15, 31, 47]].round(3).tolist(),
        "share_within": shares(of_within, 128)[[0, 3, 7, 15, 31, 63]].round(3).tolist(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whole-photographs", type=Path, help="a folder per identity of ten photographs each")
    people = embedded(parser.parse_args().whole_photographs)
    for name, value in fitted(people).items():
        print(f"{name} = {value}")
    print(json.dumps({"vectors": "real", **described(people)}))
    for seed in range(3):
        vectors, _ = generated_vectors(people.shape[0] * 10, per_identity=10, seed=seed)
        made = vectors.astype(np.float64).reshape(people.shape)
        print(json.dumps({"vectors": f"generated, seed {seed}, mean {MEAN_LENGTH}", **described(made)}))


if __name__ == "__main__":
    main()
