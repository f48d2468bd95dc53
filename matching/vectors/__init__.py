"""Stored vectors, their spaces and their indexes."""
