"""Events for systems without AMQP: signed HTTP requests, tried again until they are taken."""
