"""The embedders that `EMBEDDER` may name; each imports its library only when it is chosen."""
