"""Finding and ranking a citizen's matches, and saving them."""
