"""What is counted while a service works; `/metrics` shows it beside what `shared/health.py` reads from the database."""

from prometheus_client import CollectorRegistry, Counter, Histogram

REGISTRY = CollectorRegistry()  # of this process

HTTP_SECONDS = Histogram(
    "fenlu_http_seconds", "time to answer a request", ["service", "route", "status"], registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
COMMANDS = Counter(
    "fenlu_queue_commands", "commands that came by queue; `rejected` could not be handled, `parked` not even kept",
    ["service", "outcome"], registry=REGISTRY,
)
BATCH = Histogram(
    "fenlu_batch_messages", "messages taken from the event queue at once", ["service"], registry=REGISTRY,
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
)
# In accounting it is the time from the business fact to its voucher (or to the stored reason for none).
HEARD_SECONDS = Histogram(
    "fenlu_heard_seconds", "time from an event until what it led to is committed here", ["service"], registry=REGISTRY,
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200),
)
