"""Classification: propose the category of a report."""
