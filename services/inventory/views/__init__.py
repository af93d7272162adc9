"""SQL that only reads: what the HTTP door shows."""
