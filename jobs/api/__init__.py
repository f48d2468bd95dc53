"""The REST API of jobs: start a long computation, follow it, read its result."""
