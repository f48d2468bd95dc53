"""Words and languages of texts."""
