"""The model under test beside another one, on the same pictures."""

from __future__ import annotations

from lookalike.evaluation.context import EvaluationContext
from lookalike.evaluation.evaluator import Measurement
from lookalike.evaluation.measured_method import verification
from lookalike.evaluation.report.page import Cell, Section, Table
from lookalike.evaluation.sample import sample
from lookalike.evaluation.verification.all_pairs import verify_all_pairs
from lookalike.evaluation.verification.model_comparison import Difference, VerificationComparison, compare_verification

__all__ = ["Rival", "rival_section"]

#: FARs at which the models are compared.
TARGETS = (0.1, 0.01, 0.001)


class Rival:
    """The difference to another model in each figure, with a paired bootstrap, where another model was given."""

    def measure(self, context: EvaluationContext) -> Measurement | None:
        """On the pictures of the sample, pair by pair."""
        rival, pictures = context.rival, sample(context).pictures
        if rival is None:
            return None
        vectors, _ = rival.embed(pictures, stage=f"Embedding with {rival.name}")
        theirs = verify_all_pairs(vectors, pictures.identities, rival.metric)
        found = compare_verification(verification(context), theirs, targets=TARGETS, seed=context.options.seed)
        section = rival_section(context.model.name, rival.name, found)
        return Measurement(section, {"against": {"model": rival.name, **vars(found)}})


def rival_section(a: str, b: str, found: VerificationComparison) -> Section:
    """Two models on the same pictures: the difference of each figure, and whether it may be chance."""
    rows = [("EER", found.eer), ("AUC", found.auc)]
    rows += [(f"TAR at FAR {100 * target:g}%", difference) for target, difference in found.tar_at_far.items()]
    table = Table(
        ("figure", a, b, "difference", f"{a} better in", "told apart"),
        tuple((name, *_cells(difference)) for name, difference in rows),
        "Below a difference its 95% interval by paired bootstrap: the same identities are drawn for both models.",
    )
    prose = (f"{a} and {b} compared the same pictures. Where the interval of a difference holds 0, it may be chance.",)
    return Section("Against another model", prose, (table,))


def _cells(found: Difference) -> tuple[Cell | str, ...]:
    interval = f"{100 * found.interval.low:+.2f} – {100 * found.interval.high:+.2f}"
    return (
        f"{100 * found.a:.2f}%",
        f"{100 * found.b:.2f}%",
        Cell(f"{100 * found.difference:+.2f}", interval),
        f"{100 * found.a_better:.1f}% of replicates",
        "yes" if found.significant else "no",
    )
