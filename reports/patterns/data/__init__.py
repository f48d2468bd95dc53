"""Files of `patterns`, and how they are read."""
