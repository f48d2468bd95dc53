"""Reports from files of other systems."""
