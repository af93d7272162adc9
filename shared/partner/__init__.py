"""Partners: other companies' systems at the broker, each with a user, a queue, bindings and permissions of its own."""
