"""What the names of a graph's inputs and outputs say of them; pure functions over vocabularies.

A name is split into words: `h_next` is (h, next), `newState` is (new, state), `hx` is (h, x).
Some words tell before from after (`prev`, `next`) or in from out; what is left is the stem. A
state's input and output have one stem. Names that an exporter gave by itself, such as `12`,
`input.1` or `onnx::Gemm_3`, say nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

Pairs = tuple[tuple[str, str], ...]  # names of graph inputs and outputs: (h, h_next) pairs


def _words_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BEFORE = _words_of("prev previous old last past init initial before")
_AFTER = _words_of("next nxt new after updated upd final present")
_SIDES = _words_of("in input out output current cur now t n p tm tp minus plus")
# Words that mean the same in the name of a state, and those that only states have.
_SAME = {"hidden": "h", "hid": "h", "cell": "c", "mem": "memory", "states": "state"}
_SURE_STATES = _words_of("h c memory carry")
_STATES = _SURE_STATES | {"state"}  # `state` may be the observed state of a plant
_SENSORS = _words_of(
    "x u obs observation observations input inputs inp sensor sensors sensory feature features "
    "feat feats signal signals data measurement measurements meas image img audio frame sample "
    "samples stimulus stimuli speed velocity vel acc accel acceleration gyro temp temperature "
    "humidity pressure light lux distance dist position pos heading angle yaw pitch roll error "
    "setpoint reference target goal voltage imu lidar camera ecg eeg"
)
_OUTPUTS = _words_of(
    "y out output outputs action actions act pred preds prediction predictions logit logits prob "
    "probs motor motors command commands cmd steer steering throttle brake control controls score "
    "scores class classes label labels result readout estimate yhat value policy torque"
)
_TIMES = _words_of(
    "dt dts ts timespan timespans timestep timedelta deltat elapsed time interval period"
)
# Words beside those of time: `delta_t`, `time_since_last`, `dt_s`; alone they are no time.
_BESIDE_TIME = _words_of("delta d t step size since last between sample sampling input in s sec ms")
_OWN_TIMES = ({"delta", "t"}, {"d", "t"}, {"step", "size"})
_GIVEN_BY_TOOLS = re.compile(r"\d+|onnx::.*|args?_?\d+")
_NUMBERED = re.compile(r"(input|inputs|output|outputs|out)[._]?\d*")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SHORT = re.compile(r"([hc])([xyntp])")  # torch: hx, cx -> hy, cy; h0, c0 -> hn, cn


@dataclass(frozen=True)
class PortSizes:
    """Sizes of a graph's ports by name: inputs but the elapsed time, and outputs."""

    inputs: dict[str, int]
    outputs: dict[str, int]

    @cached_property
    def sensors(self) -> set[str]:
        """The inputs that are sensors by their names."""
        return {n for n in self.inputs.keys() - tool_names(self.inputs) if is_sensor_name(n)}

    @cached_property
    def shown(self) -> set[str]:
        """The outputs that are no next states by their names."""
        return {n for n in self.outputs.keys() - tool_names(self.outputs) if is_output_name(n)}


def name_pairs(inputs: dict[str, int], outputs: dict[str, int]) -> Pairs:
    """The states that the names show: (input, output) of one size and one stem, in order.

    inputs, outputs  the sizes of the ports by name

    A number counts as part of the stem first (`h_1`, `h_1_out`), and only what is left over is
    paired without it (`h0`, `hn`). What fits twice is left out, and so are sensors (`x_in`,
    `x_out`) unless a word such as `next` or `prev` says that they are states.
    """
    silent = tool_names(inputs) | tool_names(outputs)
    found: dict[str, str] = {}
    for numbered in (True, False):
        keys = [
            {n: _stem(n, numbered) for n in side if n not in silent and n not in taken}
            for side, taken in ((inputs, found), (outputs, found.values()))
        ]
        fits = [
            (i, o)
            for i, key in keys[0].items()
            for o, other in keys[1].items()
            if key == other and inputs[i] == outputs[o] and _may_be_state(i, o, key)
        ]
        # `x_prev` and `x_next` are a pair, whatever `x` is.
        told = [pair for pair in fits if _tell(*pair)]
        for group in (told, fits):
            left = [(i, o) for i, o in group if i not in found and o not in found.values()]
            uses = [Counter(side) for side in zip(*left, strict=True)]
            found |= {i: o for i, o in left if uses[0][i] == uses[1][o] == 1}
    return tuple((name, found[name]) for name in inputs if name in found)


def alike(inputs: dict[str, int], outputs: dict[str, int]) -> Pairs:
    """The pairs of one size and one stem, be they sensors by their names or not: `y1`, `y1_out`."""
    stems = {o: _stem(o, numbered=True) for o in outputs}
    fits = [
        (i, o)
        for i in inputs
        for o, stem in stems.items()
        if stem and stem == _stem(i, numbered=True) and inputs[i] == outputs[o]
    ]
    uses = [Counter(side) for side in zip(*fits, strict=True)]
    return tuple((i, o) for i, o in fits if uses[0][i] == uses[1][o] == 1)


def tool_names(names: Iterable[str]) -> set[str]:
    """Those that an exporter gave: numbers, `onnx::...`, and several of `input.1`, `input_2`."""
    names = list(names)
    numbered = {n for n in names if _NUMBERED.fullmatch(n)}
    several = {n for n in numbered if sum(n[0] == other[0] for other in numbered) > 1}
    return several | {n for n in names if _GIVEN_BY_TOOLS.fullmatch(n)}


def is_state_name(name: str) -> bool:
    """Whether a word of the name is one of states: h, c, hidden, cell, state, memory."""
    return bool(_STATES & set(_words(name))) and not is_sensor_name(name)


def speaks_of_state(name: str) -> bool:
    """Whether a word of the name is one of states, or tells before from after: prev, next."""
    return bool(set(_words(name)) & (_STATES | _BEFORE | _AFTER))


def is_surely_state_name(name: str) -> bool:
    """The same without `state`, which may also be the state of a plant, and so a sensor."""
    return bool(_SURE_STATES & set(_words(name))) and not is_sensor_name(name)


def is_sensor_name(name: str) -> bool:
    """Whether an input is a sensor by its name: x, u, obs, sensors, features, temp_c, ..."""
    words = set(_words(name))
    letters = {"h", "c"} if words & _SENSORS - _SIDES - {"x", "u"} else set()
    return bool(words & _SENSORS) and not words & ((_STATES - letters) | _BEFORE | _AFTER)


def is_output_name(name: str) -> bool:
    """Whether an output is no next state by its name: y, out, action, logits, steering, ..."""
    return bool(set(_words(name)) & _OUTPUTS) and not speaks_of_state(name)


def is_time_name(name: str) -> bool:
    """Whether an input is elapsed time by its name: dt, ts, timespans, delta_t, elapsed, ..."""
    words = {w for w in _words(name) if not w.isdigit()}
    return words in _OWN_TIMES or bool(words & _TIMES and words <= _TIMES | _BESIDE_TIME)


def _tell(before: str, after: str) -> bool:
    """Whether words of both names tell before from after."""
    return bool(set(_words(before)) & _BEFORE and set(_words(after)) & _AFTER)


def _may_be_state(before: str, after: str, stem: tuple[str, ...]) -> bool:
    words = set(_words(before)), set(_words(after))
    if not any(not part.isdigit() for part in stem):  # `prev`, `next`
        return bool(words[0] & _BEFORE and words[1] & _AFTER)
    told = words[0] & _BEFORE or words[1] & _AFTER
    return bool(told) or not set(stem) & (_SENSORS | _OUTPUTS)


def _stem(name: str, numbered: bool) -> tuple[str, ...]:
    words = _words(name)
    left = [w for w in words if w not in _BEFORE | _AFTER | _SIDES]
    if not left and len(words) <= 2:  # `P` and `P_next`: a letter is a name where there is no other
        left = [w for w in words if len(w) == 1 and not w.isdigit()]
    if _STATES & set(left):
        left = [w for w in left if w not in ("x", "y")]  # ONNX: initial_h -> Y_h
        others = [w for w in left if w != "state" and not w.isdigit()]
        left = [w for w in left if w != "state"] if others else left  # hidden_state: hidden
    return tuple(w for w in left if numbered or not w.isdigit())


def _words(name: str) -> list[str]:
    lower = [part.lower() for part in _WORD.findall(name)]
    return [_SAME.get(part, part) for word in lower for part in _apart(word)]


def _apart(word: str) -> list[str]:
    """`hx` as h, x; `hnext` as h, next; `newstate` as new, state; any other word as it is."""
    short = _SHORT.fullmatch(word)
    if short:
        return list(short.groups())
    for role in sorted(_BEFORE | _AFTER | {"in", "out"}):
        for rest, parts in (
            (word.removesuffix(role), (word.removesuffix(role), role)),
            (word.removeprefix(role), (role, word.removeprefix(role))),
        ):
            if rest != word and _SAME.get(rest, rest) in _STATES:
                return list(parts)
    return [word]
