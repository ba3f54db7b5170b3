"""The collections of a gallery on Milvus: one of documents, and for every model one of templates.

| collection | holds | primary key |
|---|---|---|
| `NAME__documents` | of every tenant the state, identities, acts, keys, and writes that are going on | text |
| `NAME__MODEL` | templates of every tenant with this model; partition key `tenant` | tenant and number of the row |

Both have one shard, so that one request is seen whole or not at all. What a collection is, its description says: it is
made with it in one step. A collection of Milvus 2.3 must have a vector: documents have one of two zeros.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from lookalike.errors import ArtefactError, StorageError
from lookalike.gallery.milvus.index_types import DOCUMENT_INDEX, metric_type
from lookalike.gallery.records import Model

if TYPE_CHECKING:
    from lookalike.gallery.milvus.index_types import IndexType
    from lookalike.gallery.milvus.server import Server

__all__ = ["FORMAT_VERSION", "LONGEST_TEXT", "Collections"]

FORMAT_VERSION = 1
#: Bytes of a text that Milvus can hold.
LONGEST_TEXT = 65_535
_LONGEST_KEY, _LONGEST_NAME, _PARTITIONS = 1_024, 1_024, 16
#: Seconds that loading may take.
_LOADING = 600.0


class Collections:
    """Makes and finds them.

    Args:
        server: where they are.
        name: of the gallery.
    """

    def __init__(self, server: Server, name: str) -> None:
        self._server, self._name = server, name
        self.documents = f"{name}__documents"

    def templates(self, model: Model) -> str:
        """The name of the collection of a model's templates."""
        text = f"{model.fingerprint}\n{model.metric}\n{model.dimension}"
        return f"{self._name}__{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def there(self) -> bool:
        """Whether the collection of documents is there, and one of ours.

        Raises:
            ArtefactError: it is something else, or of a newer version.
        """
        if not self._server.ask("has_collection", self.documents):
            return False
        self._check(self.documents)
        return True

    def _check(self, collection: str) -> dict[str, Any]:
        told = self._server.ask("describe_collection", collection).get("description", "")
        try:
            card = json.loads(told)
            version = card["lookalike_gallery"]
        except (ValueError, KeyError, TypeError):
            raise ArtefactError(
                f"{self._server.address}: the collection {collection} is not Lookalike's; give another name"
            ) from None
        if version != FORMAT_VERSION:
            raise ArtefactError(
                f"{self._server.address} has format version {version!r}, this Lookalike reads {FORMAT_VERSION}; "
                "upgrade it"
            )
        return dict(card)

    def make_documents(self) -> None:
        """Make the collection of documents where it is not there."""
        from pymilvus import DataType

        if self.there():
            return
        schema = self._schema({})
        schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=_LONGEST_KEY)
        for number in ("tenant", "kind", "owner", "serial"):
            schema.add_field(number, DataType.INT64)
        schema.add_field("marks", DataType.JSON)
        schema.add_field("body", DataType.VARCHAR, max_length=LONGEST_TEXT)
        schema.add_field("unused", DataType.FLOAT_VECTOR, dim=2)
        self._make(self.documents, schema, "unused", DOCUMENT_INDEX, "L2")

    def make_templates(self, model: Model, index: IndexType) -> None:
        """Make the collection of a model's templates where it is not there."""
        from pymilvus import DataType

        name = self.templates(model)
        if self._server.ask("has_collection", name):
            self._check(name)
            return
        schema = self._schema({"model": model.__dict__})
        schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=64)
        schema.add_field("tenant", DataType.INT64, is_partition_key=True)
        for number in ("id", "serial", "owner"):
            schema.add_field(number, DataType.INT64)
        schema.add_field("identity", DataType.VARCHAR, max_length=_LONGEST_NAME)
        schema.add_field("digest", DataType.VARCHAR, max_length=256)
        schema.add_field("source", DataType.VARCHAR, max_length=LONGEST_TEXT)
        schema.add_field("enrolled_at", DataType.VARCHAR, max_length=64)
        schema.add_field("quality", DataType.DOUBLE)
        schema.add_field("marks", DataType.JSON)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=model.dimension)
        self._make(name, schema, "vector", index, metric_type(model.metric), num_partitions=_PARTITIONS)

    def _schema(self, more: dict[str, Any]) -> Any:
        from pymilvus import MilvusClient

        card = json.dumps({"lookalike_gallery": FORMAT_VERSION} | more)
        return MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False, description=card)

    def _make(self, name: str, schema: Any, field: str, index: IndexType, metric: str, **more: Any) -> None:
        from pymilvus import MilvusClient

        params = MilvusClient.prepare_index_params()
        params.add_index(field, index_type=index.name, metric_type=metric, params=dict(index.build))
        try:
            self._server.change(
                "create_collection", name, schema=schema, index_params=params, num_shards=1,
                consistency_level="Session", **more,
            )  # fmt: skip
        except StorageError:
            # Another host may be making it at this moment; then it is there.
            if not self._server.ask("has_collection", name):
                raise
            self._check(name)
            self._server.ask("load_collection", name)

    def index_of(self, model: Model) -> dict[str, Any]:
        """What Milvus says of the templates' index: type, parameters, rows that are indexed."""
        return dict(self._server.ask("describe_index", self.templates(model), "vector"))

    def rebuild_index(self, model: Model, index: IndexType) -> None:
        """Put an index of another type in the place of the templates'; searches wait meanwhile."""
        from pymilvus import MilvusClient

        name = self.templates(model)
        params = MilvusClient.prepare_index_params()
        params.add_index(
            "vector", index_type=index.name, metric_type=metric_type(model.metric), params=dict(index.build)
        )
        self._server.ask("release_collection", name)
        self._server.ask("drop_index", name, "vector")
        self._server.ask("create_index", name, params)
        self._server.ask("load_collection", name, timeout=_LOADING)
