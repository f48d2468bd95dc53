"""When a report is likely to be done: learned from the city's own history, open cases included."""
