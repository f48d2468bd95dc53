"""Collect posts about the city from outside sources, and analyse them."""
