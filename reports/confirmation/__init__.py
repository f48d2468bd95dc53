"""Confirmation: whether a problem is repaired, by those who reported it or live near by."""
