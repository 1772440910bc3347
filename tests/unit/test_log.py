"""An exception's text is masked for every handler that a record may reach."""

from __future__ import annotations

import logging

from slew import redact
from slew.log import logger

SECRET = "kO7-not-to-be-seen"


def test_an_exception_is_masked_also_for_other_handlers() -> None:
    seen: list[str] = []

    class Other(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(logging.Formatter().format(record))

    redact.use(redact.Redactor([SECRET]))
    other = Other()
    logger.addHandler(other)
    try:
        raise KeyError(SECRET)
    except KeyError:
        logger.exception("broken")
    finally:
        logger.handlers.remove(other)
        redact.use(redact.Redactor())
    assert "KeyError: '********'" in seen[0]
    assert SECRET not in seen[0]
