"""Where and when reports crowd."""
