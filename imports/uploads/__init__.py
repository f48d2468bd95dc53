"""Files uploaded at the desk: received, checked, imported as a task, and pruned."""
