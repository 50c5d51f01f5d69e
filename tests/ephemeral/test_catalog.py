"""The machine scripts' folders: those of Fibrix are good, bad ones are refused with their reason."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from fibrix.ephemeral.catalog import BUILTIN_DIR, load
from fibrix.errors import InvalidError, NotFoundError

GOOD = 'title = "T"\nkind = "test"\ntimeout_s = 5\n'


def write(folder: Path, name: str = "mine", manifest: str = GOOD, text: str = "#!/bin/sh\n") -> Path:
    (folder / name).mkdir(parents=True)
    (folder / name / "script.toml").write_text(manifest)
    (folder / name / "run.sh").write_text(text)
    return folder


def test_all_scripts_of_fibrix_are_good() -> None:
    catalog = load([BUILTIN_DIR])
    assert catalog.refused == {}
    assert {path.name for path in BUILTIN_DIR.iterdir()} == {script.name for script in catalog}


@pytest.mark.parametrize("path", sorted(BUILTIN_DIR.glob("*/run.sh")), ids=lambda path: path.parent.name)
@pytest.mark.skipif(not shutil.which("busybox"), reason="needs busybox")
def test_every_script_is_a_shell_script_that_busybox_can_read(path: Path) -> None:
    subprocess.run(["busybox", "sh", "-n", path], check=True)


def test_the_defaults_of_each_kind_destroy_nothing_where_only_a_look_is_asked_for() -> None:
    catalog = load([BUILTIN_DIR])
    assert catalog.defaults("inventory") == ("inventory",)
    assert catalog.defaults("test") == ("disk-read", "disk-smart", "memory-test")
    assert catalog.defaults("deploy") == ("write-image",)
    assert catalog.defaults("release") == ("disk-wipe-quick",)
    assert catalog.info("disk-write").destructive
    assert not any(catalog.info(name).destructive for name in catalog.defaults("test"))


def test_the_text_is_what_the_checksum_is_of() -> None:
    catalog = load([BUILTIN_DIR])
    assert hashlib.sha256(catalog.text("inventory")).hexdigest() == catalog.info("inventory").sha256


def test_a_script_that_nobody_knows_is_not_found() -> None:
    with pytest.raises(NotFoundError, match="no machine script 'nothing'"):
        load([BUILTIN_DIR]).get("nothing")


def test_an_operators_own_script_is_read_beside_those_of_fibrix(tmp_path: Path) -> None:
    catalog = load([BUILTIN_DIR, write(tmp_path), tmp_path / "missing"])
    assert catalog.info("mine").title == "T"


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        ("title = ", "script.toml"),
        ('title = "T"\nkind = "test"\n', "timeout_s"),
        (GOOD.replace("test", "party"), "party"),
        (GOOD + 'colour = "red"\n', "colour"),
        (GOOD.replace("5", "0"), "timeout_s must be"),
        (GOOD + "destructive = true\ndefault = true\n", "destructive script"),
        (GOOD + '[parameters.url]\ndescription = ""\npattern = ".*"\n', "cannot be called 'url'"),
        (GOOD + '[parameters.A]\ndescription = ""\npattern = ".*"\n', "cannot be called 'A'"),
        (GOOD + '[parameters.a]\ndescription = ""\npattern = "["\n', "pattern of a"),
        (GOOD + '[parameters.a]\ndescription = ""\npattern = "x"\ndefault = "y"\n', "default of a"),
    ],
)
def test_a_bad_manifest_is_refused_with_its_reason(tmp_path: Path, manifest: str, reason: str) -> None:
    catalog = load([write(tmp_path, manifest=manifest)])
    assert list(catalog) == []
    assert reason in catalog.refused[tmp_path / "mine"]


def test_a_folder_without_its_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "No such file" in load([tmp_path]).refused[tmp_path / "empty"]


def test_a_script_without_an_interpreter_is_refused(tmp_path: Path) -> None:
    assert "#!" in load([write(tmp_path, text="echo")]).refused[tmp_path / "mine"]


def test_a_second_script_of_one_name_is_refused(tmp_path: Path) -> None:
    catalog = load([BUILTIN_DIR, write(tmp_path, "inventory")])
    assert "of that name" in catalog.refused[tmp_path / "inventory"]
    assert catalog.info("inventory").kind == "inventory"


def test_parameters_are_filled_in_and_checked() -> None:
    catalog = load([BUILTIN_DIR])
    assert catalog.parameters("memory-test", {"limit_mb": "64"}) == {"share": "80", "passes": "1", "limit_mb": "64"}
    with pytest.raises(InvalidError, match="no parameter 'colour'") as unknown:
        catalog.parameters("memory-test", {"colour": "red"})
    assert unknown.value.pointer == "/parameters/memory-test/colour"
    with pytest.raises(InvalidError, match="'100' is not good for share"):
        catalog.parameters("memory-test", {"share": "100"})
    with pytest.raises(InvalidError, match="needs its parameter image_url"):
        catalog.parameters("write-image", {})
