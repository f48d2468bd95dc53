"""Reports of other systems: their columns, and what a row must be to become a report."""
