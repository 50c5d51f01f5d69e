"""Passwords: typed where nobody sees them, or read from a file; never an argument, which every process can see."""

import sys
from collections.abc import Callable
from typing import TextIO, TypeVar

import click

F = TypeVar("F", bound=Callable[..., object])


def password_option(command: F) -> F:
    """Give a command the option to read the password from a file."""
    words = "File with the new password on its first line, - for stdin. Without it: a prompt."
    return click.option("--password-file", type=click.File("r"), help=words)(command)


def new_password(file: TextIO | None) -> str:
    """Read a new password, or have it typed twice. Raises UsageError: there is nobody to type it."""
    if file is not None:
        return file.readline().rstrip("\r\n")
    return _typed("New password", twice=True)


def present_password() -> str:
    """Have the present password typed. Raises UsageError."""
    return _typed("Present password", twice=False)


def _typed(words: str, *, twice: bool) -> str:
    if not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask for a password on: give it by --password-file")
    typed: str = click.prompt(words, hide_input=True, confirmation_prompt=twice, err=True)
    return typed
