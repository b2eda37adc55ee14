"""Logs as one JSON object a line. Messages name objects and never hold a program or an outcome."""

import json
import logging
import sys
from datetime import UTC, datetime

from quantum_operator.reconcile import logcontext

NOISY = ("aiohttp", "asyncio", "httpcore2", "httpx2", "kopf")
"""Libraries that would log every request or event; only their warnings matter."""


class JsonFormatter(logging.Formatter):
    """Time, level, logger and message, the job that it is about, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **logcontext.fields(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def log_json(level: str) -> None:
    """Log to standard error from this level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
