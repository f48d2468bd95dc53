"""Text to vectors, for every app: the embedders that the setting EMBEDDER may name."""
