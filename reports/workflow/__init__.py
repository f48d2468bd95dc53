"""The steps of a report from its arrival to its end."""
