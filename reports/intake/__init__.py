"""How reports enter the system."""
