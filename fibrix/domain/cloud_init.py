"""What an installed system is told about itself: cloud-init's meta-data and user-data, made from a deployment.

Both are JSON, which is YAML 1.2: whatever a host name or key holds, it is quoted right.
"""

import hashlib
import re
from email import message_from_string
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any, Final

import msgspec

from fibrix.domain.machine import Deployment, Machine

REPORT_TRIES: Final = 600
"""cloud-init asks every 3 s: a controller that is away for half an hour still hears of the machine."""

_REPORTED: Final = ("instance_id", "hostname", "pub_key_ed25519", "pub_key_ecdsa")

# JSON lets characters stand as they are that YAML wants escaped (YAML 1.2.2 §5.1, c-printable).
_NOT_YAML: Final = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")

_MIME_START: Final = re.compile(r"(?:content-type|mime-version):", re.IGNORECASE)


def instance_id(machine: Machine, deployment: Deployment) -> str:
    """Name this deployment of this machine; cloud-init does its once-per-instance work anew when it changes."""
    return f"{machine.id}-{deployment.instance}"


def meta_data(machine: Machine, deployment: Deployment) -> bytes:
    """`meta-data`: the keys in it are given to the image's default user."""
    return _yaml(
        {
            "instance-id": instance_id(machine, deployment),
            "local-hostname": _hostname(machine, deployment),
            "public-keys": list(deployment.ssh_keys),
        }
    )


def user_data(machine: Machine, deployment: Deployment, base_url: str) -> bytes:
    """`user-data`: a cloud-config, or a MIME message of three parts where the operator gave user data too.

    cloud-init merges cloud-configs in order, and the later one wins: the operator's may override our defaults, but not
    the name nor the report by which the machine becomes Deployed. `base_url` is that of the deployment's metadata.
    """
    defaults = {"growpart": {"mode": "auto", "devices": ["/"]}, "resize_rootfs": True, "manage_etc_hosts": "localhost"}
    fixed = {
        "hostname": _hostname(machine, deployment),
        "phone_home": {"url": f"{base_url}report", "post": list(_REPORTED), "tries": REPORT_TRIES},
    }
    if not deployment.user_data.strip():
        return _cloud_config(defaults | fixed)
    message = MIMEMultipart(boundary=_boundary(deployment.user_data))
    message.attach(_part(_cloud_config(defaults)))
    message.attach(_operators(deployment.user_data))
    message.attach(_part(_cloud_config(fixed)))
    return message.as_bytes()


def _hostname(machine: Machine, deployment: Deployment) -> str:
    return deployment.hostname or machine.name


def _cloud_config(values: dict[str, Any]) -> bytes:
    return b"#cloud-config\n" + _yaml(values)


def _yaml(values: dict[str, Any]) -> bytes:
    text = msgspec.json.format(msgspec.json.encode(values), indent=2).decode()
    return (_NOT_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n").encode()


def _part(text: bytes) -> MIMEText:
    return MIMEText(text.decode(), "cloud-config", "utf-8")


def _operators(text: str) -> Message:
    """The operator's part: a MIME message stays one; of anything else cloud-init reads the kind from its first line."""
    if _MIME_START.match(text):
        return message_from_string(text)
    return MIMEText(text, "plain", "utf-8")


def _boundary(text: str) -> str:
    """A line that the text cannot hold, the same each time it is asked for."""
    return "fibrix-" + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
