"""Signatures as the independent implementation of Standard Webhooks makes and checks them."""

from datetime import UTC, datetime

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from fibrix.domain.webhook_signature import SECRET_OCTETS, secret_of, signed_headers


@given(st.binary(min_size=SECRET_OCTETS, max_size=SECRET_OCTETS), st.text(max_size=200), st.integers(0, 2**33))
def test_the_same_signature_as_the_independent_implementation(octets: bytes, body: str, timestamp: int) -> None:
    secret = secret_of(octets)
    headers = signed_headers("w1-7", timestamp, body.encode(errors="replace"), [secret])
    body = body.encode(errors="replace").decode()
    theirs = standardwebhooks.Webhook(secret).sign("w1-7", datetime.fromtimestamp(timestamp, UTC), body)
    assert headers["webhook-signature"] == theirs


def test_each_of_two_secrets_verifies_and_no_other_and_no_other_body() -> None:
    secrets = [secret_of(bytes([number]) * SECRET_OCTETS) for number in range(3)]
    now = int(datetime.now(UTC).timestamp())
    headers = dict(signed_headers("w1-7", now, b"{}", secrets[:2]))
    for secret in secrets[:2]:
        standardwebhooks.Webhook(secret).verify(b"{}", headers)
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            standardwebhooks.Webhook(secret).verify(b"{ }", headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secrets[2]).verify(b"{}", headers)
