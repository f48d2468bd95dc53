"""What citizens say of themselves."""
