"""Sessions of staff at the desk: their store, their limits, their list and their end."""
