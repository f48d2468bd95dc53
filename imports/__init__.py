"""Files of other systems: reading them, checking their rows, and bringing these in."""
