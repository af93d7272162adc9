"""The demo: real orders through the public doors of real services, and a check of what became of them."""
