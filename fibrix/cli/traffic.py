"""`fibrix dhcp stats` and `fibrix dns stats`: both services as they go."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from fibrix.cli.groups import FibrixCommand
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import ago, emit, facts, table

_NOT_HERE = "is not served by this controller"


@click.command("stats", cls=FibrixCommand)
@pass_settings
def dhcp_stats(settings: Settings) -> None:
    """Show messages, verdicts, queues, what is served and what not, other servers, who talks the most."""
    told = settings.client().get("dhcp/stats")
    emit(settings, told, lambda: _print_dhcp(told) if told["running"] else click.echo(f"DHCP {_NOT_HERE}"))


@click.command("stats", cls=FibrixCommand)
@pass_settings
def dns_stats(settings: Settings) -> None:
    """Show queries, answers, forwarding, transfers, what is served and what not."""
    told = settings.client().get("dns/stats")
    emit(settings, told, lambda: _print_dns(told) if told["running"] else click.echo(f"DNS {_NOT_HERE}"))


def _print_dhcp(told: dict[str, Any]) -> None:
    port, conflicts = told["pxe_port"], told["conflicts"]
    facts(
        (
            ("received", _counts(told["received"])),
            ("sent", _counts(told["sent"])),
            ("verdicts", _counts(told["verdicts"])),
            ("faults", _counts(told["faults"])),
            ("waiting", f"{told['deciding']} for a decision, {told['storing']} for the disk"),
            ("served", ", ".join(told["serving"])),
            ("not served", _unserved(told["closed"])),
            ("conflicts", _conflicts(conflicts)),
            ("links", _counts(told["link"]["counts"])),
            ("not heard", _unserved(told["link"]["deaf"])),
            ("port 4011", _counts(port["counts"])),
            ("port 4011 on", ", ".join(port["serving"])),
            ("port 4011 not on", _unserved(port["closed"])),
        )
    )
    named = ("address", "mac", "interface", "subnet", "answer")
    servers = [
        ("expected" if s["expected"] else "foreign", *(s[name] for name in named), ago(s["heard_at"]))
        for s in told["servers"]
    ]
    if servers:
        click.echo()
        table(("OTHER SERVER", "ADDRESS", "MAC", "INTERFACE", "SUBNET", "SAID", "HEARD"), servers, empty="")
    talkers = [(t["mac"], t["messages"], t["machine_name"]) for t in told["talkers"]]
    if talkers:
        click.echo()
        table(("WHO TALKS", "MESSAGES", "MACHINE"), talkers, empty="")


def _print_dns(told: dict[str, Any]) -> None:
    asked = told["forwarding"]
    forwarded = f"{asked['forwarded']} asked, {asked['cache_hits']} remembered, {asked['failed']} failed"
    facts(
        (
            ("queries", _counts(told["queries"])),
            ("answers", _counts(told["answers"])),
            ("as before", f"{told['kept_hits']} of the answers were given as they were made before"),
            ("forwarded", f"{forwarded}; {asked['kept']} answers kept"),
            ("limited", f"{told['limited']}, of them {told['slipped']} told to come by TCP"),
            ("transfers", told["transfers"]),
            ("notified", f"{told['notified']} sent, {told['notify_answered']} answered"),
            ("faults", _counts(told["faults"])),
            ("left out", f"{told['unusable_records']} records" if told["unusable_records"] else ""),
            ("served", ", ".join(told["serving"])),
            ("not served", _unserved(told["closed"])),
            ("zones not served", "\n".join(f"{zone}: {why}" for zone, why in sorted(told["zone_faults"].items()))),
        )
    )


def _counts(counts: Mapping[str, int]) -> str:
    """Write counters, the greatest first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count}" for name, count in ordered) or "none"


def _conflicts(told: Mapping[str, int]) -> str:
    return f"{told['probed']} found by probes, {told['declined']} by clients; {told['resting']} addresses rest"


def _unserved(places: Sequence[Mapping[str, str]]) -> str:
    return "\n".join(f"{place['where']}: {place['reason']}" for place in places)
