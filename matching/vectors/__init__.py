"""Stored vectors, the spaces they belong to, and their indexes."""
