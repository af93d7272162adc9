"""The independent services of Fenlu."""
