"""Chaos: real services under load, killed, cut off, frozen and fed duplicates; then the books must be whole."""
