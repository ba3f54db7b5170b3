"""Pictures to a `vectors/` folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lookalike.progress import ProgressSink, Reporter
from lookalike.workflows.model_run_options import ModelRunOptions

__all__ = ["EmbedOptions", "Embedding", "embed"]


@dataclass(frozen=True, kw_only=True)
class EmbedOptions(ModelRunOptions):
    """What to embed, and where to.

    Attributes:
        data: a folder per identity, or a CSV of path,identity.
        model: a model folder, or a pretrained model's name.
        classes_at: of a folder per identity: at which depth the identities' folders lie, such as 2.
        output: the vectors folder to write.
        cropped: pictures are face crops: where no face is found, the whole picture is taken.
        skip_bad: leave out pictures that cannot be used, in place of an error.
        replace: replace older vectors.
    """

    data: str | Path
    model: str | Path
    classes_at: int | None = None
    output: Path = Path("vectors")
    cropped: bool = False
    skip_bad: bool = False
    replace: bool = False


@dataclass(frozen=True)
class Embedding:
    """The folder that was written.

    Attributes:
        vectors: the folder.
        count: vectors in it.
        dimension: numbers per vector.
        model: the model's name.
        fingerprint: the model's.
        left_out: pictures that could not be used.
        notes: remarks on the pictures.
    """

    vectors: Path
    count: int
    dimension: int
    model: str
    fingerprint: str
    left_out: int
    notes: tuple[str, ...] = ()


def embed(options: EmbedOptions, progress: ProgressSink | None = None) -> Embedding:
    """Turn pictures into vectors: shards of .npy, their ids, and which picture each one is.

    Raises:
        ArtefactError: there is no such model, or the output is there and no older vectors.
        DatasetError: the pictures cannot be read, or some cannot be used and `skip_bad` is false.
        StorageError: the disk is full or failing; nothing of the output is left then.

    Example:
        >>> embed(EmbedOptions(data="faces/", model="dlib", output=Path("vectors"))).count    # doctest: +SKIP
        400
    """
    from lookalike.atomic_files import check_replaceable
    from lookalike.datasets import read_pictures
    from lookalike.embedder.vectors_folder import MARKER, write_vectors
    from lookalike.workflows.labelled_pictures import embed_labelled
    from lookalike.workflows.loaded_model import load_model
    from lookalike.workflows.output_folder import check_apart, check_writable
    from lookalike.workflows.picture_headers import check_headers

    report = Reporter(progress)
    check_replaceable(options.output, MARKER, options.replace)
    check_writable(options.output)
    check_apart(options.output, options.data)
    pictures = read_pictures(options.data, options.classes_at)
    check_headers(pictures.paths, report, skip_bad=options.skip_bad)
    embedder = load_model(options.model, cropped=options.cropped, run=options)
    vectors, kept = embed_labelled(embedder, pictures, report, skip_bad=options.skip_bad)
    paths = [str(path) for path in kept.paths]
    write_vectors(options.output, vectors, paths, kept.identities, embedder, replace=options.replace)
    return Embedding(
        options.output,
        len(vectors),
        embedder.dimension,
        embedder.name,
        embedder.fingerprint,
        len(pictures) - len(kept),
        tuple(report.remarks),
    )
