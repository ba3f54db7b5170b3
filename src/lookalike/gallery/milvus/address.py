"""The address of a gallery on a Milvus server: `milvus://[user:password@]host[:port]/name[?tenant=T]`."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, unquote, urlsplit

from lookalike.errors import InputError

__all__ = ["SCHEMES", "TOKEN_VARIABLE", "MilvusAddress"]

#: Without and with TLS.
SCHEMES = ("milvus", "milvuss")
#: The environment variable for an API key or `user:password`, so that it need not stand in an address.
TOKEN_VARIABLE = "LOOKALIKE_MILVUS_TOKEN"
_PORT = 19530
_EXAMPLE = "give milvus://host:19530/name, or milvus://host:19530/name?tenant=T"
#: What Milvus allows in the name of a collection; shorter than its 255, because something is appended.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
_LONGEST_TENANT = 200


@dataclass(frozen=True)
class MilvusAddress:
    """An address, taken apart.

    Attributes:
        uri: of the server, for pymilvus.
        name: of the gallery: its collections begin so.
        tenant: whose people; every tenant is a gallery of its own in the same collections.
        index: the kind of index that is asked for, or `auto`.
        token: what authenticates, or empty; not shown.

    Example:
        >>> address = MilvusAddress.parsed("milvus://ada:secret@db:19531/people?tenant=north")
        >>> address.uri, address.name, address.tenant, str(address)
        ('http://db:19531', 'people', 'north', 'milvus://db:19531/people?tenant=north')
    """

    uri: str
    name: str
    tenant: str = ""
    index: str = "auto"
    token: str = field(default="", repr=False)

    @classmethod
    def parsed(cls, text: str) -> MilvusAddress:
        """Take an address apart.

        Raises:
            InputError: it is not one of a gallery on Milvus.
        """
        parts = urlsplit(text)
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        try:
            host, port = parts.hostname, parts.port or _PORT
        except ValueError as error:
            raise InputError(f"{shown}: {error}; {_EXAMPLE}") from None
        name = parts.path.removeprefix("/")
        if parts.scheme not in SCHEMES or not host or not _NAME.fullmatch(name):
            raise InputError(
                f"{shown} is no address of a gallery on Milvus, whose name has letters, digits and _; {_EXAMPLE}"
            )
        asked = parse_qs(parts.query, keep_blank_values=True)
        if unknown := sorted(set(asked) - {"tenant", "index"}):
            raise InputError(f"{shown}: {unknown[0]!r} is not known; after the ? there may be tenant and index")
        tenant = asked.get("tenant", [""])[-1]
        if len(tenant) > _LONGEST_TENANT or not (tenant.isprintable()):
            raise InputError(f"the tenant is {tenant[:20]!r}; give up to {_LONGEST_TENANT} characters that can be seen")
        token = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
        return cls(
            f"{'https' if parts.scheme == 'milvuss' else 'http'}://{f'[{host}]' if ':' in host else host}:{port}",
            name,
            tenant,
            asked.get("index", ["auto"])[-1],
            token or os.environ.get(TOKEN_VARIABLE, ""),
        )

    @property
    def tenant_number(self) -> int:
        """The tenant as Milvus' partition key: 63 bits of a digest, because numbers are compared faster than texts."""
        return int.from_bytes(hashlib.sha256(self.tenant.encode()).digest()[:8], "big") >> 1

    @property
    def server(self) -> str:
        """Host and port."""
        return self.uri.partition("://")[2]

    def __str__(self) -> str:
        scheme = "milvuss" if self.uri.startswith("https") else "milvus"
        return f"{scheme}://{self.server}/{self.name}{f'?tenant={quote(self.tenant)}' if self.tenant else ''}"
