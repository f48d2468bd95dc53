"""Citizens' profiles."""
