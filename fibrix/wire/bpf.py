"""An assembler for the packet filters that the kernel runs on a socket: classic BPF, as `tcpdump -d` prints it.

A program is a sequence of labels and steps. A label is a string; it names the step behind it. A step is the name of its
instruction and a value, `("ldh", 12)`; one that compares also says where to go, forward only, when it is so and when
not: `("jeq", 0x0806, "take", "")`. An empty label is the next step. The machine has an accumulator, A, and an index, X.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Final, TypeAlias

Step: TypeAlias = tuple[str, int] | tuple[str, int, str, str]
Line: TypeAlias = str | Step

_INSTRUCTION: Final = Struct("=HBBI")  # struct sock_filter of <linux/filter.h>: code, true, false, value
_MOST_STEPS: Final = 4096  # BPF_MAXINSNS
_FARTHEST: Final = 255  # of a comparison; `jump` goes anywhere

PACKET_TYPE: Final = 0xFFFFF000 + 4  # what `ld` gives there is not of the frame: SKF_AD_OFF + SKF_AD_PKTTYPE
VLAN_TAG: Final = 0xFFFFF000 + 44  # the tag that the kernel took out of the frame: priority and VLAN
VLAN_TAG_PRESENT: Final = 0xFFFFF000 + 48  # 1: it took one out
OUTGOING: Final = 4  # PACKET_TYPE of what this machine sends

TAKE: Final = ("ret", 0xFFFF)
"""Take the frame, so many octets of it."""
DROP: Final = ("ret", 0)

_CODES: Final = {
    "ld": 0x20,  # A: 4 octets of the frame, at the value
    "ldh": 0x28,  # 2 octets
    "ldb": 0x30,  # 1 octet
    "ld_x": 0x40,  # the same, at the value and X
    "ldh_x": 0x48,
    "ldb_x": 0x50,
    "ldx": 0x01,  # X: the value
    "ldx_header": 0xB1,  # X: the octets of the IPv4 header at the value
    "tax": 0x07,  # X: A
    "add_x": 0x0C,
    "and": 0x54,
    "shift_left": 0x64,
    "ret": 0x06,
}
_COMPARISONS: Final = {"jeq": 0x15, "jgt": 0x25, "jge": 0x35, "jset": 0x45}
_JUMP: Final = 0x05


def assemble(*lines: Line) -> bytes:
    """Give the program as SO_ATTACH_FILTER takes it, 8 octets a step. Raises ValueError: it is no program."""
    steps: list[Step] = []
    labels: dict[str, int] = {}
    for line in lines:
        if not isinstance(line, str):
            steps.append(line)
        elif line in labels:
            raise ValueError(f"the label {line!r} is there twice")
        else:
            labels[line] = len(steps)
    if not 0 < len(steps) <= _MOST_STEPS or steps[-1][0] != "ret":
        raise ValueError(f"{len(steps)} steps: 1 to {_MOST_STEPS}, and the last one returns")
    return b"".join(_encode(step, at, labels) for at, step in enumerate(steps))


def _encode(step: Step, at: int, labels: dict[str, int]) -> bytes:
    name, value, *targets = step
    if name in _COMPARISONS and len(targets) == 2:
        yes, no = (_distance(target, at, labels) for target in targets)
        if max(yes, no) > _FARTHEST:
            raise ValueError(f"step {at}, {name}: {max(yes, no)} steps are too far")
        return _INSTRUCTION.pack(_COMPARISONS[name], yes, no, value)
    if name == "jump" and len(targets) == 2:
        return _INSTRUCTION.pack(_JUMP, 0, 0, _distance(targets[0], at, labels))
    if name in _CODES and not targets:
        return _INSTRUCTION.pack(_CODES[name], 0, 0, value)
    raise ValueError(f"step {at}: {name} with {len(targets)} labels is no instruction")


def _distance(label: str, at: int, labels: dict[str, int]) -> int:
    """Steps that are left out on the way to a label."""
    if not label:
        return 0
    if labels.get(label, 0) <= at:
        raise ValueError(f"step {at}: the label {label!r} is not behind it")
    return labels[label] - at - 1


def any_of(values: Sequence[int], yes: str, no: str = "") -> list[Line]:
    """Compare A with each value: go to one label when it is any of them, else to the other."""
    *others, last = values
    return [*(("jeq", value, yes, "") for value in others), ("jeq", last, yes, no)]
