"""The demo city's opportunities."""
