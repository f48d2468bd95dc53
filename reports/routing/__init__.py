"""Which department answers a report, and by when."""
