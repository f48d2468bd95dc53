"""Organisations that publish opportunities through the API."""
