"""Opportunities: adding, changing and closing them, and what citizens do with them."""
