"""Partner organisations, their API keys, and their part of the API."""
