"""What only a development machine needs: an embedded PostgreSQL, a private RabbitMQ, the runner."""
