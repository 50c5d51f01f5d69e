"""Which machine scripts a passing state consists of, and with which parameters."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from fibrix.domain.foreseen import Foreseen
from fibrix.domain.losses import installed, wiped
from fibrix.domain.machine import Deployment, Machine, ScriptRun
from fibrix.domain.names import opaque_id
from fibrix.domain.ports.scripts import Scripts
from fibrix.domain.state import State
from fibrix.errors import InvalidError
from fibrix.types import RunId

KINDS: Final = {
    State.COMMISSIONING: "inventory",
    State.TESTING: "test",
    State.DEPLOYING: "deploy",
    State.RELEASING: "release",
}
"""The kind of script that each passing state runs."""

IMAGE_URL: Final = "{image_url}"
METADATA_URL: Final = "{metadata_url}"
"""Stand-ins in a stored run's parameters: filled in when the order is given, since they hold an address or a secret."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller asked for beyond the default scripts."""

    scripts: tuple[str, ...] = ()
    parameters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Planner:
    """Makes the runs of a state from the catalogue, the site's own defaults and the caller's wishes."""

    def __init__(self, scripts: Scripts, site: Mapping[str, Mapping[str, str]], draw: Callable[[int], int]) -> None:
        self._scripts = scripts
        self._site = site
        self._draw = draw

    def check(self, wish: Wish, kind: str) -> None:
        """Refuse a wish that cannot be met. Raises InvalidError, NotFoundError."""
        for name in wish.scripts:
            if self._scripts.info(name).kind != kind:
                raise InvalidError(f"{name} is not a {kind} script", pointer="/scripts")
        for name in wish.parameters:
            self._parameters(name, wish, {})

    def runs(self, machine: Machine, wish: Wish) -> list[ScriptRun]:
        """Plan the present state of a machine, in the order in which the scripts will run."""
        kind = KINDS.get(machine.state)
        if kind is None:
            return []
        names = wish.scripts or self._scripts.defaults(kind)
        given = _deploy_parameters(machine.deployment) if machine.state is State.DEPLOYING else {}
        return [self._run(machine, name, i, self._parameters(name, wish, given)) for i, name in enumerate(names, 1)]

    def foresee(self, machine: Machine, runs: Sequence[ScriptRun]) -> Iterator[Foreseen]:
        """Tell what planned runs would do to a machine: which scripts run, and which disks lose what is on them."""
        if runs:
            names = ", ".join(run.script for run in runs)
            yield Foreseen(what="scripts", subject=f"machines/{machine.id}", after=names)
        for run in runs:
            if not self._scripts.info(run.script).destructive:
                continue
            if machine.deployment is not None and machine.state is State.DEPLOYING:
                yield installed(machine, machine.deployment)
            else:
                yield wiped(machine, run.parameters.get("disk", ""), run.script)

    def _run(self, machine: Machine, name: str, position: int, parameters: dict[str, str]) -> ScriptRun:
        return ScriptRun(
            id=RunId(opaque_id("r", self._draw)),
            machine=machine.id,
            script=name,
            state=machine.state,
            position=position,
            parameters=parameters,
            timeout_s=self._scripts.info(name).timeout_s,
            tenant=machine.tenant,
        )

    def _parameters(self, name: str, wish: Wish, given: Mapping[str, str]) -> dict[str, str]:
        return self._scripts.parameters(name, {**self._site.get(name, {}), **wish.parameters.get(name, {}), **given})


def _deploy_parameters(deployment: Deployment | None) -> dict[str, str]:
    if deployment is None:
        return {}
    return {
        "image_url": IMAGE_URL,
        "sha256": deployment.sha256,
        "disk": deployment.disk,
        "size_bytes": str(deployment.size_bytes),
        "metadata_url": METADATA_URL,
    }
