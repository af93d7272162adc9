"""Proofs (证明) that the books are what they must be: each a command, an API call and a test."""
