"""Match runs: started through the API, read while they run."""
