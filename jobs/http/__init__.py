"""Rules for HTTP that every app shares: limits, repeated requests, fields, waiting for tasks."""
