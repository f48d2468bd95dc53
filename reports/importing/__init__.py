"""Import reports from other systems."""
