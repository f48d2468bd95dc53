"""Taking steps: what the API and the desk do with the workflow, beside its table."""
