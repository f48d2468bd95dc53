"""Rules of HTTP that every app shares: idempotency keys, limits, strict fields."""
