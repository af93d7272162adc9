"""The web console: pages for people, made of the other services' public APIs and events."""
