"""Imports of other systems' files: reading them, checking their rows, and storing these."""
