"""Galleries on a Milvus server: `milvus://host:19530/name`."""
