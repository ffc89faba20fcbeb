"""Structured logs: one JSON object a line, with the fields that log stores index, without secrets.

The fields are ``ts``, ``level``, ``event``, ``logger`` and whatever is bound or passed: by
convention ``run``, ``agent``, ``instrument``, ``bias``, ``confidence``, ``action``, ``reward``.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from typing import TYPE_CHECKING, Any, Final

import structlog
from pydantic import SecretStr

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping, Sequence
    from pathlib import Path

    from structlog.typing import EventDict, Processor, WrappedLogger

FILE: Final = "log.jsonl"
HIDDEN: Final = "[redacted]"

_SECRET_NAME = re.compile(
    r"(^|[_-])(token|secret|password|passphrase|authorization|api_?key|private_?key)$",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}")


def configure_logs(
    folder: Path, *, level: str = "info", console: bool = False, secrets: Sequence[SecretStr] = ()
) -> Path:
    """Send all logs of the process to ``log.jsonl`` in ``folder``; return its path.

    Parameters
    ----------
    level : str
        ``debug``, ``info``, ``warning`` or ``error``.
    console : bool
        Also write them to standard error.
    secrets : sequence of SecretStr
        Values that must not appear, wherever they turn up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        _without_colour,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        Redactor(secrets),
        _BLINDER,
    ]
    blind_logs(None)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(default=str, sort_keys=True),
        ],
    )
    handlers: list[logging.Handler] = [_LogFile(path, encoding="utf-8", delay=True)]
    if console:
        handlers.append(logging.StreamHandler(sys.stderr))
    root = logging.getLogger()
    for old in list(root.handlers):
        if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(old)
            old.close()
    for handler in handlers:
        handler.setFormatter(formatter)
        root.addHandler(handler)
    root.setLevel(level.upper())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return path


def log_to_stderr() -> None:
    """Tell warnings and worse on standard error, where no folder of a run takes the logs.

    A command's answer goes to standard output, and may have to be one JSON object.
    """
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
    )


def blind_logs(told: Callable[[str], str] | None) -> None:
    """Have all that is logged from now on told without names and dates; None as it is.

    Parameters
    ----------
    told : callable
        Of a text; the time of the line, its level and its logger stay.
    """
    _BLINDER.told = told


class _LogFile(logging.FileHandler):
    """Log file that tells of its own failure once, in a line: a traceback would show secrets."""

    _is_told = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say that logs are lost; anything but a failure of the system is told as ever."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._is_told:
            self._is_told = True
            print(  # noqa: T201 - logging itself is what failed
                f"{self.baseFilename}: {error.strerror}; what is logged is lost", file=sys.stderr
            )

    def close(self) -> None:
        """Close the file; what could not be written is lost, and was told."""
        with contextlib.suppress(OSError):
            super().close()


def _without_colour(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    # uvicorn says some things a second time, with escapes for a terminal
    del logger, method
    event.pop("color_message", None)
    return event


class Redactor:
    """Replaces secrets in a log event: by the name of the field, by form, and by value."""

    def __init__(self, secrets: Sequence[SecretStr] = ()) -> None:
        self._values = tuple(
            value for secret in secrets if (value := secret.get_secret_value().strip())
        )

    def __call__(
        self, logger: WrappedLogger, method: str, event: EventDict
    ) -> MutableMapping[str, Any]:
        """Return the event without secrets; the signature is structlog's."""
        del logger, method
        return {name: self._clean(name, value) for name, value in event.items()}

    def _clean(self, name: str, value: Any) -> Any:
        if name.startswith("_"):
            return value
        if isinstance(value, SecretStr) or (_SECRET_NAME.search(name) and value is not None):
            return HIDDEN
        if isinstance(value, str):
            for secret in self._values:
                value = value.replace(secret, HIDDEN)
            return _SECRET_TEXT.sub(rf"\1 {HIDDEN}", value)
        if isinstance(value, dict):
            return {key: self._clean(str(key), inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._clean("", inner) for inner in value]
        return value


class _Blinder:
    """Tells a log event as a blinded run may tell it."""

    def __init__(self) -> None:
        self.told: Callable[[str], str] | None = None

    def __call__(
        self, logger: WrappedLogger, method: str, event: EventDict
    ) -> MutableMapping[str, Any]:
        """Return the event without names; the signature is structlog's."""
        del logger, method
        if self.told is None:
            return event
        return {name: self._blinded(name, value) for name, value in event.items()}

    def _blinded(self, name: str, value: Any) -> Any:
        if self.told is None or name.startswith("_") or name in _STAYS:
            return value
        if isinstance(value, dict):
            return {key: self._blinded(str(key), inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._blinded("", inner) for inner in value]
        if isinstance(value, bool | int | float) or value is None:
            return value
        return self.told(str(value))


_STAYS: Final = frozenset({"ts", "level", "logger", "run"})
_BLINDER: Final = _Blinder()
