"""`lookalike gallery encrypt`: copy a gallery into an encrypted one."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.key_file import KEY_FILE_HELP
from lookalike.cli.options import AsJson
from lookalike.counted_nouns import how_many
from lookalike.workflows.gallery_encryption import EncryptOptions, encrypt_gallery

__all__ = ["encrypt"]


@options_from(
    EncryptOptions,
    source=Annotated[str, typer.Argument(metavar="GALLERY", help="The folder of a gallery that is not encrypted.")],
    target=Annotated[str, typer.Argument(metavar="NEW", help="The folder of the copy; it must not be there.")],
    key=Annotated[str | None, typer.Option("--key-file", metavar="FILE", help=KEY_FILE_HELP)],
)
def encrypt(options: EncryptOptions, as_json: AsJson = False) -> None:
    """Copy a gallery into an encrypted one, and compare every vector. The old one stays as it is: delete it."""
    from lookalike.cli.terminal import print_json, show_progress
    from lookalike.json_values import plain

    with show_progress() as progress:
        done = encrypt_gallery(options, progress)
    if as_json:
        print_json(plain(done))
        return
    copied = f"{how_many(done.identities, 'person', 'people')} ({how_many(done.templates, 'template')})"
    typer.echo(f"{copied} in {done.target}, encrypted; keys in {done.keyring}")
