"""Saved views of the list and the map of reports, and the columns that a person chooses."""
