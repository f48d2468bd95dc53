"""Conversion of texts into vectors: the embedders that the setting EMBEDDER may name."""
