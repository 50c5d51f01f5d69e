"""Logging: one stream of structlog lines, JSON for machines or columns for people, the libraries' own included."""

import logging
import sys
from typing import Literal, TextIO, TypeAlias

import structlog
from structlog.typing import Processor

Level: TypeAlias = Literal["debug", "info", "warning", "error"]
Format: TypeAlias = Literal["auto", "console", "json"]  # auto: console on a terminal


def setup(level_name: Level, form: Format, stream: TextIO = sys.stderr) -> None:
    """Send all logging of the process to `stream`, from a level on. Call it once, at the start: `[log]` says how."""
    level = logging.getLevelNamesMapping()[level_name.upper()]
    as_json = form == "json" or (form == "auto" and not stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[Processor] = (
        [
            # without local variables: they may be secrets
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(sort_keys=False),
        ]
        if as_json
        else [structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)]
    )
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    _bridge(level, stream, shared, render)


def _bridge(level: int, stream: TextIO, shared: list[Processor], render: list[Processor]) -> None:
    """Give the records of the standard library's logging, which our libraries use, the same form."""
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name, structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.INFO))  # the debug lines of asyncio and aiosqlite help nobody here
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
