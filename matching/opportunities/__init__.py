"""What citizens can do: volunteering, grants, civic jobs, events."""
