"""`lookalike gallery rekey`: another master key for an encrypted gallery."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.key_file import KEY_FILE_HELP
from lookalike.cli.options import AsJson
from lookalike.counted_nouns import how_many
from lookalike.workflows.gallery_encryption import RekeyOptions, rekey_gallery

__all__ = ["rekey"]


@options_from(
    RekeyOptions,
    gallery=Annotated[
        str,
        typer.Argument(metavar="GALLERY", envvar="LOOKALIKE_GALLERY", show_envvar=False, help="The gallery's folder."),
    ],
    new_key=Annotated[str, typer.Option("--new-key-file", metavar="FILE", help="The key that opens it from now on.")],
    key=Annotated[str | None, typer.Option("--key-file", metavar="FILE", help=KEY_FILE_HELP)],
)
def rekey(options: RekeyOptions, as_json: AsJson = False) -> None:
    """Wrap the keys of all people by another master key; the gallery itself is not touched."""
    from lookalike.cli.terminal import print_json
    from lookalike.json_values import plain

    done = rekey_gallery(options)
    if as_json:
        print_json({"gallery": options.gallery} | plain(done))
    else:
        typer.echo(f"{how_many(done.keys, 'key')} in {done.keyring} wrapped by the new master key")
