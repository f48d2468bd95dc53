"""Patterns in many reports: where they crowd."""
