import email
import email.policy
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.domain.cloud_init import instance_id, meta_data, user_data
from fibrix.domain.machine import Deployment
from tests.fakes.agents import MACHINE

DEPLOYMENT = Deployment(
    image="debian-12", sha256="0" * 64, hostname="web-1", instance="i1", ssh_keys=("ssh-ed25519 A",)
)
BASE = "http://192.168.1.1:5249/metadata/v1/s/"


def parts(operators: str) -> list[tuple[str, str]]:
    """Content type and text of each part that cloud-init will walk over."""
    deployment = msgspec.structs.replace(DEPLOYMENT, user_data=operators)
    message = email.message_from_bytes(user_data(MACHINE, deployment, BASE), policy=email.policy.default)
    walked = [part for part in message.walk() if not part.is_multipart()]
    return [(part.get_content_type(), part.get_content()) for part in walked]


def config(text: str) -> dict[str, Any]:
    head, _, body = text.partition("\n")
    assert head == "#cloud-config"
    loaded: dict[str, Any] = json.loads(body)
    return loaded


def test_meta_data_has_the_name_and_the_keys() -> None:
    assert json.loads(meta_data(MACHINE, DEPLOYMENT)) == {
        "instance-id": "m0123456789-i1",
        "local-hostname": "web-1",
        "public-keys": ["ssh-ed25519 A"],
    }


def test_a_machine_without_a_host_name_gets_its_own() -> None:
    deployment = msgspec.structs.replace(DEPLOYMENT, hostname="")
    assert json.loads(meta_data(MACHINE, deployment))["local-hostname"] == "brave-otter"


def test_each_deployment_is_another_instance() -> None:
    assert instance_id(MACHINE, DEPLOYMENT) != instance_id(MACHINE, msgspec.structs.replace(DEPLOYMENT, instance="i2"))


def test_user_data_grows_the_root_and_reports_until_it_is_heard() -> None:
    values = config(user_data(MACHINE, DEPLOYMENT, BASE).decode())
    assert values["growpart"] == {"mode": "auto", "devices": ["/"]}
    assert values["resize_rootfs"] is True
    assert values["hostname"] == "web-1"
    assert values["phone_home"]["url"] == BASE + "report"
    assert values["phone_home"]["tries"] >= 100


@pytest.mark.parametrize("text", ["#cloud-config\npackages: [nginx]\n", "#!/bin/sh\necho ü\n"])
def test_operators_user_data_stands_between_the_defaults_and_what_is_fixed(text: str) -> None:
    (defaults, first), (operators, given_text), (fixed, last) = parts(text)
    assert (defaults, operators, fixed) == ("text/cloud-config", "text/plain", "text/cloud-config")
    assert given_text == text
    assert "growpart" in config(first)
    assert config(last).keys() == {"hostname", "phone_home"}


def test_operators_mime_message_keeps_its_parts() -> None:
    text = (
        'Content-Type: multipart/mixed; boundary="b"\nMIME-Version: 1.0\n\n'
        "--b\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n--b\nContent-Type: text/cloud-config\n\n{}\n--b--\n"
    )
    assert [kind for kind, _ in parts(text)] == [
        "text/cloud-config",
        "text/x-shellscript",
        "text/cloud-config",
        "text/cloud-config",
    ]


def test_blank_user_data_is_none() -> None:
    assert user_data(MACHINE, msgspec.structs.replace(DEPLOYMENT, user_data=" \n"), BASE).startswith(b"#cloud-config")


def test_the_same_deployment_is_told_the_same_each_time() -> None:
    deployment = msgspec.structs.replace(DEPLOYMENT, user_data="#!/bin/sh\n")
    assert user_data(MACHINE, deployment, BASE) == user_data(MACHINE, deployment, BASE)


def yaml_printable(char: str) -> bool:
    """YAML 1.2.2 §5.1, c-printable."""
    code = ord(char)
    ranges = ((0x20, 0x7E), (0xA0, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x10FFFF))
    return char in "\t\n\r\x85" or any(low <= code <= high for low, high in ranges)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_in_a_key_is_yaml_and_comes_out_as_it_went_in(comment: str) -> None:
    deployment = msgspec.structs.replace(DEPLOYMENT, ssh_keys=(f"ssh-ed25519 A {comment}",))
    text = meta_data(MACHINE, deployment).decode()
    assert all(map(yaml_printable, text))
    assert json.loads(text)["public-keys"] == [f"ssh-ed25519 A {comment}"]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_user_data_is_carried_without_breaking_out_of_its_part(text: str) -> None:
    if not text.strip() or text.lower().startswith(("content-type:", "mime-version:")):
        return
    carried = parts(text)
    assert [kind for kind, _ in carried] == ["text/cloud-config", "text/plain", "text/cloud-config"]
    assert carried[1][1] == text
