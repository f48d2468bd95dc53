"""Following: who is notified of what happens to a report, or within an area."""
