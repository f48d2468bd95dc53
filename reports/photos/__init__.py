"""Photos of reports: accept, show, take down."""
