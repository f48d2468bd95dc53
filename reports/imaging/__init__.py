"""Imaging: decode uploaded photos apart from the worker, and keep their files."""
