"""Logging: one form for our own lines and the libraries'."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from fibrix import log


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Leave the process's logging as it was found."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def test_json_lines_hold_the_values_as_keys() -> None:
    stream = io.StringIO()
    log.setup("info", "auto", stream)
    structlog.get_logger().info("dhcp.answered", mac="52:54:00:00:00:01")
    structlog.get_logger().debug("dhcp.packet")
    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert (line["event"], line["mac"], line["level"]) == ("dhcp.answered", "52:54:00:00:00:01", "info")
    assert line["timestamp"].endswith("Z")


def test_libraries_come_in_the_same_form() -> None:
    stream = io.StringIO()
    log.setup("debug", "json", stream)
    logging.getLogger("aiohttp.server").warning("odd %s", "request")
    logging.getLogger("aiohttp.access").info("GET /")
    logging.getLogger("asyncio").debug("selector")
    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert (line["event"], line["logger"], line["level"]) == ("odd request", "aiohttp.server", "warning")


def test_a_traceback_is_part_of_its_line() -> None:
    stream = io.StringIO()
    log.setup("info", "json", stream)
    structlog.get_logger().error("service.failed", exc_info=ZeroDivisionError("a bug"))
    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert line["exception"][0]["exc_type"] == "ZeroDivisionError"


def test_people_get_columns() -> None:
    stream = io.StringIO()
    log.setup("warning", "console", stream)
    structlog.get_logger().warning("power.failed", bmc="192.168.1.9")
    structlog.get_logger().info("power.read")
    assert "power.failed" in stream.getvalue()
    assert "bmc=192.168.1.9" in stream.getvalue()
    assert "power.read" not in stream.getvalue()


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_shows_where_and_no_local_variable_that_may_be_a_secret(form: log.Format) -> None:
    def fails() -> None:
        password = "hunter" + str(2)
        raise ValueError(f"a fault of {len(password)}")

    stream = io.StringIO()
    log.setup("info", form, stream)
    try:
        fails()
    except ValueError:
        structlog.get_logger().exception("service.failed")
    assert "a fault of 7" in stream.getvalue()
    assert "in fails" in stream.getvalue() or '"name": "fails"' in stream.getvalue()
    assert "hunter2" not in stream.getvalue()
