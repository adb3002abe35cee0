"""A work queue on RabbitMQ: tasks wait on a broker, `femtobarn worker` takes them, results come back as messages."""
