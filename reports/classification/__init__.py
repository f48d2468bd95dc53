"""Which category a report belongs to."""
