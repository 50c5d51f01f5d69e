"""docs/webhooks.md: the routes that there are, and a check of signatures that works."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fibrix.domain.webhook_signature import SECRET_OCTETS, secret_of, signed_headers
from tests.support.routes import ROUTES

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()


def test_the_page_has_every_route_and_no_other() -> None:
    written = re.findall(r"^\| (GET|POST|PATCH|DELETE) \| (\S+) \|", PAGE, re.MULTILINE)
    assert sorted(written) == sorted((r.method, r.path) for r in ROUTES if r.path.startswith("/api/v1/webhooks"))


def test_the_check_by_hand_believes_what_is_genuine_and_nothing_else() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    made: dict[str, Any] = {}
    exec(code, made)
    genuine: Callable[[str, dict[str, str], bytes], bool] = made["genuine"]
    secret, other = (secret_of(bytes([number]) * SECRET_OCTETS) for number in (1, 2))
    now = int(time.time())
    headers = dict(signed_headers("w1-7", now, b"{}", [other, secret]))
    assert genuine(secret, headers, b"{}")
    assert genuine(other, headers, b"{}")
    assert not genuine(secret, headers, b"{ }")
    assert not genuine(secret, dict(signed_headers("w1-7", now, b"{}", [other])), b"{}")
    assert not genuine(secret, dict(signed_headers("w1-7", now - 400, b"{}", [secret])), b"{}")
