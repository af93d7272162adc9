"""Measures Fenlu against what the same machine, RabbitMQ and PostgreSQL can do at most; one line per part."""
