"""The page of losses: ten networks, alike in all but the loss, and what each makes of the same digits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any

from lookalike.progress import Progress, ProgressSink
from lookalike.samples.digits import divided_digits
from lookalike.samples.loss_page.panel_drawing import draw
from lookalike.samples.loss_page.panels import PANELS, Family
from lookalike.samples.loss_page.plane_training import EPOCHS, TrainedPanel, train_panel

__all__ = ["GENERATOR", "LossPage", "train_losses"]

#: In the page's head and in its JSON: by it a later run knows its own files.
GENERATOR = "lookalike figures losses"
FORMAT_VERSION = 1

_HEADINGS: Mapping[Family, tuple[str, str]] = {
    "softmax": (
        "Softmax: classes only have to be separable",
        "A linear classifier only asks on which side of its lines a picture lies. Where a class lies far out it is "
        "surer still. So classes tend to become petals: long, and meeting in the middle.",
    ),
    "center": (
        "Center loss: the same, with a pull",
        "Beside softmax, every picture is pulled to the center of its class (a cross). λ weighs the pull; from "
        "one picture to the next it is ten times as large. The bars show that each picture has its own scale.",
    ),
    "angular": (
        "Angular margins: only the direction counts",
        "The right class must win although its angle is made worse than it is: multiplied (SphereFace), its cosine "
        "lowered (CosFace), or widened (ArcFace). SphereFace keeps lengths, so it is drawn in the plane; CosFace and "
        "ArcFace are blind to them, so their pictures are drawn on the unit circle, with a ray to each class's center.",
    ),
    "triplet": (
        "Triplets: which ones are mined decides",
        "Both networks start from the same weights, see the same batches, and have the same loss and margin on unit "
        "vectors. One learns from negatives that are nearer than the positive, the other from those a little farther.",
    ),
}
#: Panels side by side where there is room; those of few stand beside their words.
_COLUMNS: Mapping[Family, int] = {"softmax": 1, "center": 4, "angular": 3, "triplet": 2}


@dataclass(frozen=True)
class LossPage:
    """Ten trained panels, as numbers and as a page.

    Attributes:
        trained: in the order of the page.
        seed: of the split, weights, batches and noise.
        epochs: passes over the pictures.
        learned: how many pictures were learned from.
    """

    trained: tuple[TrainedPanel, ...]
    seed: int
    epochs: int
    learned: int

    @property
    def held_out(self) -> int:
        """How many pictures are drawn, and measured on."""
        return len(self.trained[0].labels)

    def document(self) -> dict[str, Any]:
        """The numbers of every panel, as JSON types; the same seed gives the same on one machine."""
        return {
            "format_version": FORMAT_VERSION,
            "generator": GENERATOR,
            "data": "scikit-learn's digits, 8 x 8",
            "learned_from": self.learned,
            "held_out": self.held_out,
            "seed": self.seed,
            "epochs": self.epochs,
            "panels": [
                {
                    "name": one.panel.name,
                    "family": one.panel.family,
                    "formula": one.panel.formula,
                    "settings": dict(one.panel.settings),
                    "measured_on": "unit vectors" if one.panel.by_direction else "vectors",
                    "loss": one.loss,
                    **asdict(one.measures),
                }
                for one in self.trained
            ],
        }

    def html(self) -> str:
        """The page: one file without a link, whose content security policy forbids to load anything."""
        from jinja2 import Environment, StrictUndefined

        template = resources.files("lookalike.samples.loss_page").joinpath("page.html.j2").read_text(encoding="utf-8")
        environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        return environment.from_string(template).render(
            page=self,
            generator=GENERATOR,
            sections=[
                {"heading": heading, "prose": prose, "columns": _COLUMNS[family], "panels": self._panels(family)}
                for family, (heading, prose) in _HEADINGS.items()
            ],
            rows=self.trained,
            degrees=degrees,
            lessons=self._lessons(),
        )

    def _panels(self, family: Family) -> list[dict[str, Any]]:
        return [
            {
                "name": one.panel.name,
                "formula": one.panel.formula,
                "settings": settings(one.panel.settings),
                "svg": draw(one, f"{one.panel.name}: {self.sentence(one)}"),
                "trained": one,
                "sentence": self.sentence(one),
            }
            for one in self.trained
            if one.panel.family == family
        ]

    def sentence(self, one: TrainedPanel) -> str:
        """What a panel shows; it follows from what was measured, not from what was expected."""
        sentences: Mapping[Family, Callable[[TrainedPanel], str]] = {
            "softmax": _petals, "center": self._pull, "angular": self._rays, "triplet": _apart,
        }  # fmt: skip
        return (_collapse if one.measures.collapsed else sentences[one.panel.family])(one)

    def _pull(self, one: TrainedPanel) -> str:
        before = self.trained[self.trained.index(one) - 1]
        now, then = one.measures.share_within, before.measures.share_within
        change = f"{100 * then:.0f}% → {100 * now:.0f}% of the distance between classes"
        if now < 0.97 * then:
            return f"Drawn together: the spread within a class falls from {change}."
        return f"No tighter, only smaller than the picture before: the spread within a class goes {change}."

    def _rays(self, one: TrainedPanel) -> str:
        half, plain = one.measures.degrees, self._of("softmax").measures.degrees
        verdict = "sharper" if half < 0.9 * plain else "blunter" if half > 1.1 * plain else "about as sharp"
        return (
            f"Half of the pictures lie within {degrees(half)} of their class's direction; under plain softmax it "
            f"is {degrees(plain)}: {verdict}. The two nearest classes are {degrees(one.measures.closest)} apart."
        )

    def _of(self, family: Family) -> TrainedPanel:
        return next(one for one in self.trained if one.panel.family == family)

    def _lessons(self) -> list[str]:
        """What the numbers mean for the choice of a loss."""
        softmax = self._of("softmax")
        tight = min(
            (one for one in self.trained if one.panel.family == "center"), key=lambda o: o.measures.share_within
        )
        # On one point every angle is small.
        sharp = min(
            (one for one in self.trained if one.panel.family == "angular"),
            key=lambda o: (o.measures.collapsed, o.measures.degrees),
        )
        hard, semihard = (one for one in self.trained if one.panel.family == "triplet")
        lessons = [
            f"A threshold needs compact classes. Under softmax alone, two pictures of one digit may lie farther apart "
            f"than two of different ones: the spread within is {100 * softmax.measures.share_within:.0f}% of that "
            f"between, with {tight.panel.name} {100 * tight.measures.share_within:.0f}%.",
            f"Where vectors are compared by cosine, train by angle: {sharp.panel.name} puts half of the pictures "
            f"within {degrees(sharp.measures.degrees)} of their class. Margins here are smaller than the usual ones: "
            "ten directions in a plane are 36° apart, hundreds of identities in 128 dimensions nearly 90°.",
        ]
        if hard.measures.collapsed and not semihard.measures.collapsed:
            lessons.append(
                "A small, steady triplet loss is no proof of learning. If it stays at the margin and all similarities "
                "near 1, the network has collapsed: mine semi-hard negatives, and start from a network that already "
                "separates."
            )
        elif hard.measures.collapsed:
            lessons.append(
                "With this seed both triplet losses collapsed: choose another seed, and see which one recovers."
            )
        else:
            lessons.append(
                "With this seed hard negatives alone did not collapse; they often do. Watch the mean cosine similarity."
            )
        lessons.append(
            "Two dimensions are used so that they can be drawn. All ten digits were learned from here; how a loss "
            "does on identities never seen, `lookalike demo` and `lookalike evaluate` measure."
        )
        return lessons


def _petals(one: TrainedPanel) -> str:
    share = one.measures.share_within
    shape = "Long petals: separable, not compact" if share >= 0.2 else "Compact, with this seed"
    return (
        f"{shape}. Within a class the spread is {100 * share:.0f}% of that between classes, so "
        f"the nearest class mean is the right one for {100 * one.measures.accuracy:.1f}%."
    )


def _collapse(one: TrainedPanel) -> str:
    found, margin = one.measures, one.panel.settings.get("m")
    text = (
        f"Collapsed: all ten digits are on one point, at a mean cosine similarity of {found.mean_similarity:.4f}; "
        f"the classes' means spread over {found.between:.1g}. The loss ended at {one.loss:.3f}"
    )
    # Among hard triplets d_ap - d_an is never below 0, so the margin is the least that any can cost.
    if one.panel.family == "triplet" and isinstance(margin, float) and abs(one.loss - margin) < 0.1 * margin:
        text += ", the margin: what a triplet costs where all distances are 0"
    return text + ("; the magnifying glass shows the order that is left." if found.accuracy > 0.3 else ".")


def _apart(one: TrainedPanel) -> str:
    found = one.measures
    return (
        f"Not collapsed: cosine similarity is {found.mean_similarity:.2f} on average, and the nearest class mean right "
        f"for {100 * found.accuracy:.1f}%."
    )


def degrees(angle: float) -> str:
    """An angle with two figures: ``12°``, ``1.0°``, ``0.00062°``."""
    return f"{angle:.0f}°" if angle >= 9.95 else f"{angle:#.2g}°"


def settings(values: Mapping[str, float | str]) -> str:
    """Settings as one line: ``m = 0.2, mining = hard``."""
    return ", ".join(f"{k} = {v:g}" if isinstance(v, float) else f"{k} = {v}" for k, v in values.items())


def train_losses(
    seed: int = 0,
    *,
    epochs: int = EPOCHS,
    progress: ProgressSink | None = None,
) -> LossPage:
    """Train every panel of the page.

    Args:
        seed: of the split, weights, batches and noise.
        epochs: passes over the pictures; fewer are a look at the machinery, not at the losses.
        progress: told of every epoch, all panels being one stage; the detail names the panel.

    Raises:
        TrainingDiverged: a network left the finite numbers.

    Source: Wen et al., "A Discriminative Feature Learning Approach for Deep Face Recognition", ECCV 2016, figures 2
    and 3; Liu et al., "SphereFace", CVPR 2017, figure 2; Schroff et al., "FaceNet", CVPR 2015, section 3.2, on hard
    negatives and collapse.

    Example:
        >>> page = train_losses(epochs=1)
        >>> page.held_out
        599
    """
    digits = divided_digits(seed)
    trained = []
    for number, panel in enumerate(PANELS):

        def show(epoch: int, name: str = panel.name, before: int = number * epochs) -> None:
            if progress is not None:
                detail = f"{name}, epoch {epoch} of {epochs}"
                progress(Progress("Ten losses", before + epoch, len(PANELS) * epochs, detail))

        trained.append(train_panel(panel, digits, seed, epochs, show))
    return LossPage(tuple(trained), seed, epochs, len(digits.labels))
