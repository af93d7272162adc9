"""Structured logs, on stderr."""

import logging
import sys

import structlog


def log_as(log_format: str, level: str) -> None:
    """Structured logs on stderr: JSON for machines, colour for a terminal."""
    renderer: structlog.types.Processor = structlog.dev.ConsoleRenderer()
    if log_format == "json":
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _without_row_values,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _without_row_values(
    _logger: object, _method: str, entry: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Postgres quotes whole rows in the DETAIL of an error, and a row may hold personal data."""
    if isinstance(text := entry.get("exception"), str):
        entry["exception"] = "\n".join(line for line in text.splitlines() if not line.startswith("DETAIL:"))
    return entry
