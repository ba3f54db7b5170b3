"""`lookalike evaluate`: prove a model on people it has not seen; a report with pictures, and thresholds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.options import AsJson, Cropped, Data, Recipe, Rerank, Scales, SkipBad, given, refuse_given

__all__ = ["evaluate"]


#: Options of one kind of evaluation only, refused in the others.
_PEOPLE = ("enrolled", "trials", "calibrate", "promise", "distractors", "groups", "against", "pairs", "trained_on")
_LANDMARKS = ("non_landmarks", "rerank")


def evaluate(
    context: typer.Context,
    data: Data,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            envvar="LOOKALIKE_MODEL",
            help="A model folder, dlib (pretrained faces), or efficientnet_lite0; every evaluation but that of a "
            "--submission needs one.",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for report.html, metrics.json and more.")
    ] = Path("evaluation"),
    enrolled: Annotated[int, typer.Option(min=1, help="Pictures enrolled per identity, in identification.")] = 1,
    trials: Annotated[int, typer.Option(min=1, help="Random enrolments that are averaged.")] = 20,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Make the thresholds measured here the model's (trained models).")
    ] = False,
    promise: Annotated[
        str | None,
        typer.Option(
            "--promise",
            help="What answers shall keep: fpir=RATE per search, or fmr=RATE per pair; goes into calibration.json. "
            "The report tells of fpir=0.01 otherwise.",
        ),
    ] = None,
    distractors: Annotated[
        str | None,
        typer.Option("--distractors", help="Strangers to search among: pictures as DATA, .npy, or lookalike embed's."),
    ] = None,
    groups: Annotated[
        Path | None, typer.Option("--groups", help="CSV of identity,group or path,group: error rates for each group.")
    ] = None,
    against: Annotated[
        str | None, typer.Option("--against", help="Another model, to compare with on the same pictures.")
    ] = None,
    pairs: Annotated[
        Path | None, typer.Option("--pairs", help="List of pairs as LFW's pairs.txt: accuracy over its folds.")
    ] = None,
    trained_on: Annotated[
        str | None, typer.Option("--trained-on", help="What the model was trained on: nobody of it may be tested.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of enrolments and bootstrap.")] = 0,
    recipe: Recipe = None,
    gallery: Annotated[
        str | None,
        typer.Option("--gallery", "-g", envvar="LOOKALIKE_GALLERY", help="Landmarks: the gallery that is asked."),
    ] = None,
    non_landmarks: Annotated[
        Path | None,
        typer.Option("--non-landmarks", help="Landmarks: a folder of photos that show none, and are not enrolled."),
    ] = None,
    rerank: Rerank = True,
    submission: Annotated[
        Path | None,
        typer.Option(
            "--submission", help="Score this file of Google Landmarks v2 against DATA's solution; needs no model."
        ),
    ] = None,
    scales: Scales = None,
    cropped: Cropped = False,
    skip_bad: SkipBad = False,
    as_json: AsJson = False,
) -> None:
    """Measure a model: verification over all pairs, identification closed and open, and a report with pictures.

    Writes report.html (self-contained), metrics.json and calibration.json. Use people the model was not trained on.
    What the promise means among a thousand people and among ten million is told in the report.

    With --recipe landmarks, a gallery of places is asked about every photo of DATA: GAP, top-1, right answers, the
    false-positive rate beside the promise, mAP@100, and a report with the answers.
    """
    import json

    from lookalike.atomic_files import write_atomically
    from lookalike.cli import further_measurements
    from lookalike.cli.evaluate_landmarks import evaluate_places, score_submission
    from lookalike.cli.measuring import Thumbnails, embed_set
    from lookalike.cli.terminal import console, escape, note, plain, print_json
    from lookalike.datasets import read_pictures
    from lookalike.datasets.picture_groups import read_groups
    from lookalike.decisions.promise import Promise
    from lookalike.embedder import Embedder
    from lookalike.errors import InputError
    from lookalike.evaluation.calibration import thresholds
    from lookalike.evaluation.identification.enrolment_trials import identify_trials
    from lookalike.evaluation.report import standard_report, summary
    from lookalike.evaluation.report.page import write_report
    from lookalike.evaluation.retrieval.ranking_metrics import self_retrieval
    from lookalike.evaluation.verification.all_pairs import verify_all_pairs
    from lookalike.gallery import open_gallery
    from lookalike.workflows.loaded_model import load_embedder
    from lookalike.workflows.output_folder import output_folder

    if submission is not None:
        refuse_given(
            context, "output", "gallery", "scales", "cropped", "skip_bad", *_PEOPLE, *_LANDMARKS,
            why="does nothing to a --submission, which is scored as it is; leave it out",
        )  # fmt: skip
        score_submission(data, submission, seed=seed, as_json=as_json)
        return
    if model is None:
        raise InputError("no model was given; give --model, or --submission to score a file")
    if _of_places(recipe, gallery):
        if gallery is None:
            raise InputError("no gallery was given; give --gallery, made by `lookalike enroll --recipe landmarks`")
        refuse_given(context, *_PEOPLE, why="is for people; leave it out for landmarks")
        evaluate_places(
            data,
            load_embedder(model, cropped=cropped, scales=scales),
            gallery,
            output,
            non_landmarks=non_landmarks,
            rerank=rerank,
            seed=seed,
            skip_bad=skip_bad,
            as_json=as_json,
        )
        return
    if given(context, "gallery"):
        # One in the environment serves other verbs, and is no question about places.
        with open_gallery(gallery or "", create=False):
            refuse_given(context, "gallery", why=f"is for landmarks, and {gallery} holds none; leave it out for people")
    refuse_given(context, *_LANDMARKS, why="is for landmarks; give --recipe landmarks with it, or leave it out")
    wanted = Promise.parse(promise or "fpir=0.01")
    with output_folder(output):
        pass  # one that cannot be made is refused before the work
    pictures = read_pictures(data)
    embedder = load_embedder(model, cropped=cropped, scales=scales)
    if calibrate and not Path(model).is_dir():
        raise InputError(f"{model} is no model folder, so thresholds cannot be stored in it; leave out --calibrate")
    rival = None if against is None else Embedder.load(against, cropped or None)
    if groups is not None:
        read_groups(groups, pictures)  # what is missing is said before the work
    vectors, kept = embed_set(embedder, pictures, skip_bad)
    further = further_measurements.Further()
    further_measurements.findings(further, vectors, kept, trained_on)
    if kept.single:
        note(f"{len(kept.single)} identity(ies) have one picture, such as {kept.single[0]!r}: impostors only")
    # Figures, intervals and look-alikes need every pair at hand; of a large set they come from a sample of its people.
    shown = further_measurements.sampled(kept, seed)
    sample = kept.select(shown)
    verification = verify_all_pairs(vectors[shown], sample.identities, embedder.metric)
    source = f"{len(kept.names)} identities of {data}"
    if len(sample) < len(kept):
        counts = further_measurements.all_pairs(further, vectors, kept, embedder)
        calibration = thresholds.calibrate_large(
            vectors,
            kept.identities,
            fingerprint=embedder.fingerprint,
            metric=embedder.metric,
            source=source,
            seed=seed,
            counts=counts,
        )
    else:
        calibration = thresholds.calibrate(
            verification, fingerprint=embedder.fingerprint, metric=embedder.metric, source=source, seed=seed
        )
    if promise is not None:
        calibration = calibration.model_copy(update={"promise": wanted})
    answered = embedder.calibration or embedder.documented_threshold
    threshold = embedder.threshold().distance if answered else None
    identification = None
    if len(kept.names) - len(kept.single) >= 2:
        identification = identify_trials(
            vectors, kept.identities, embedder.metric, enrolled=enrolled, trials=trials, threshold=threshold, seed=seed
        )
    fixed = calibration.threshold() if threshold is None else threshold
    further_measurements.promised(further, calibration, wanted, fixed)
    further_measurements.among_distractors(further, vectors, kept, embedder, distractors, seed)
    if groups is not None:
        further_measurements.by_groups(further, verification, sample, groups, fixed)
    if rival is not None:
        further_measurements.against(further, verification, sample, embedder.name, rival, seed)
    if pairs is not None:
        further_measurements.listed_pairs(further, data, pairs, embedder)
    ks = [k for k in (1, 5, 10) if k < len(kept)]
    retrieval = self_retrieval(vectors, kept.identities, embedder.metric, ks)
    result = summary.MethodResult(verification, identification, retrieval, threshold)
    methods = {embedder.name: result}
    # Pictures of the hardest pairs only: a report on a million pictures stays a page.
    report = standard_report.evaluation_report(
        methods,
        title=f"{embedder.name} on {data}",
        lead=f"{len(kept)} pictures of {len(kept.names)} identities, embedded by {embedder.name} "
        f"({embedder.dimension} dimensions, {embedder.metric} distance, fingerprint {embedder.fingerprint}).",
        thumbnails=Thumbnails(sample.paths),
        maps={"Map of the embeddings": vectors[shown]},
        calibration=calibration,
        sections=further.sections,
        seed=seed,
    )
    metrics = plain(summary.metrics_json(methods, seed=seed) | further.metrics)
    with output_folder(output):
        write_report(output / "report.html", report)
        write_atomically(output / "metrics.json", (json.dumps(metrics, indent=2) + "\n").encode())
        calibration.save(output / "calibration.json")
    if calibrate:
        calibration.save(Path(model) / "calibration.json")
    if as_json:
        print_json(metrics | {"report": output / "report.html", "calibration": calibration.model_dump(mode="json")})
        return
    from lookalike.cli.tables import print_summary

    if calibration.note:
        note(calibration.note)
    print_summary({name: summary.summarise(one, seed=seed) for name, one in methods.items()})
    point = calibration.point()
    console.print(
        f"threshold {point.threshold:.4f}: at most {point.target_fmr:g} of impostor pairs match, "
        f"{point.fnmr:.1%} of genuine pairs are missed"
        + (" (now the model's)" if calibrate else "")
        + f"\n[green]wrote[/green] {escape(str(output / 'report.html'))}",
        soft_wrap=True,
    )


def _of_places(recipe: str | None, gallery: str | None) -> bool:
    """Whether an evaluation is about places: said by --recipe, or by the gallery."""
    from lookalike.gallery.existing import open_existing
    from lookalike.workflows.gallery_kind import asks_for_places, holds_places

    if asks_for_places(recipe) or gallery is None:
        return recipe is not None
    held = open_existing(gallery)
    if held is None:
        return False
    with held:
        return holds_places(held)
