"""Bring tasks from the ledger to the workers: through RabbitMQ, or straight from PostgreSQL."""
