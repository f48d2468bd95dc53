"""Files that the desk uploads: received, checked, imported as a job, and pruned."""
