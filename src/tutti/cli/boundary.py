"""The one place where an error becomes a line on standard error and an exit code."""

from __future__ import annotations

import errno
import json
import os
import sys
import tempfile
import traceback
from typing import TYPE_CHECKING

import typer

from tutti.model.errors import ConfigError, DataError, GateClosed, TuttiError

if TYPE_CHECKING:
    from collections.abc import Sequence

OK, FAILED, USAGE, GATE = 0, 1, 2, 3
"""Done; failed; the command, configuration or data must be corrected; a gate was not passed."""

# typer brings its own copy of click, so its error type is found through a public descendant
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]

# what newer versions of it make of Ctrl-C
_INTERRUPTED = 130

_FULL = (errno.ENOSPC, errno.EDQUOT)

_LISTS = frozenset(
    {"--bars", "--funding", "--trades", "--quotes", "--book", "--depth", "--flow", "--symbols"}
)


def run(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Run the command line and return the exit code; says in one line what went wrong.

    Below it, only where a plug-in broke, stands where it did.
    """
    as_json = "--json" in arguments
    try:
        code = app(args=spread(arguments) or ["--help"], prog_name="tutti", standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        return _complain("interrupted", FAILED, as_json=as_json)
    except BrokenPipeError:
        return _unheard()
    except SystemExit as left:
        # what rich and typer make of the same
        if not isinstance(left.__context__, BrokenPipeError):
            raise
        return _unheard()
    except Exception as error:  # noqa: BLE001 - the edge: nobody above could catch it
        line, code, more = _told(error)
        return _complain(line, code, as_json=as_json, more=more)
    if code == _INTERRUPTED:
        return _complain("interrupted", FAILED, as_json=as_json)
    return code if isinstance(code, int) else OK


def _told(error: Exception) -> tuple[str, int, str]:
    match error:
        case ConfigError() | DataError():
            return str(error), USAGE, _notes(error)
        case GateClosed():
            return str(error), GATE, ""
        case TuttiError():
            return str(error), FAILED, ""
        case OSError():
            return *_system(error), ""
        case _ if isinstance(error, _UsageError):
            return _usage(error), USAGE, ""
        case _:
            return _unforeseen(error), FAILED, ""


def _unheard() -> int:
    # the reader, `head` for instance, has seen enough; Python would complain again at its end
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return OK


def spread(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with ``--bars a b`` as ``--bars a --bars b``.

    A shell expands an unquoted pattern to many words, and an option takes one.
    """
    spread_out: list[str] = []
    repeated = ""
    for index, argument in enumerate(arguments):
        if argument.startswith("-"):
            repeated = argument if argument in _LISTS else ""
        elif repeated and arguments[index - 1] != repeated:
            spread_out.append(repeated)
        spread_out.append(argument)
    return spread_out


def _notes(error: BaseException | None) -> str:
    # where a plug-in broke is in its own code: what was noted of that, on whichever cause
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if notes := getattr(error, "__notes__", None):
            return "\n".join(notes)
        seen.add(id(error))
        error = error.__cause__
    return ""


def _complain(message: str, code: int, *, as_json: bool, more: str = "") -> int:
    line = " ".join(message.split())
    if as_json:
        line = json.dumps({"error": line, **({"details": more} if more else {})})
        more = ""
    elif sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
        line = f"\x1b[31m{line}\x1b[0m"
    print(line, file=sys.stderr)
    if more:
        print(f"\n{more}", file=sys.stderr)
    return code


def _usage(error: Exception) -> str:
    told = error.format_message() if hasattr(error, "format_message") else str(error)
    told = told.replace("Value error, ", "")
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "tutti"
    if told.startswith("Usage: "):
        # a group of commands without one of them complains with the whole of its help
        told = f"Missing command after {command}"
    return f"{told.rstrip('.')}; see {command} --help"


def _system(error: OSError) -> tuple[str, int]:
    if error.errno in _FULL:
        return f"{error.filename or 'disk'}: {error.strerror}; free some space", FAILED
    if error.filename is None:
        return _unforeseen(error), FAILED
    return f"{error.filename}: {error.strerror}; check the path and its permissions", USAGE


def _unforeseen(error: Exception) -> str:
    told = "".join(traceback.format_exception(error))
    with tempfile.NamedTemporaryFile(
        "w", prefix="tutti-", suffix=".log", delete=False, encoding="utf-8"
    ) as file:
        file.write(told)
    return f"tutti broke: {type(error).__name__}: {error}; the traceback is in {file.name}"
