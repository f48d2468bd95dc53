"""The way from the ledger to the workers: RabbitMQ, or straight from PostgreSQL."""
