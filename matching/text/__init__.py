"""Words of texts, and the languages they are written in."""
