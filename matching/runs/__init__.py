"""Match runs: starting them, following them and reading their matches."""
