"""Routing: give a report its department and its deadline."""
