"""SQL that only reads: what the HTTP door shows. Amounts are decimal strings in JSON."""
