"""Functions of one argument that several known ones make up, such as `tanh(z) * exp(-0.5 * z)`.

An expression is a text: +, -, *, /, numbers, the argument z, and functions by their names. It is
read once, and then evaluated for arrays and tensors, and for intervals: these are what is known of
its range. An interval is cut into many before it goes through the expression, because the parts
of `z * sigmoid(z)` do not know of each other; the hull of the images holds every value, and the
more pieces there are the less else.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from elegans.exporter.errors import ElegansError
from elegans.exporter.numbers.fixed import Reals, Value
from elegans.exporter.numbers.real_functions import FUNCTIONS, RealFunction, held
from elegans.exporter.numbers.soft_curves import CURVES

MOST_NODES = 64
_PIECES = 256  # that an interval is cut into
_OPERATORS: dict[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


@dataclass(frozen=True)
class _Image:
    """The images [...] of intervals, and whether the expression is defined on each of them."""

    lo: Reals
    hi: Reals
    defined: Reals


class Expression:
    """The function of a text. Raises ElegansError for one that is none, or has too many parts."""

    def __init__(self, text: str) -> None:
        try:
            self._tree = ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise _refused(text, "is no expression") from None
        if sum(1 for _ in ast.walk(self._tree)) > 4 * MOST_NODES:
            raise _refused(text, "has too many parts")
        _check(self._tree, text)
        self.text = text

    @property
    def nodes(self) -> int:
        """The number of functions, operators and arguments."""
        nodes = list(ast.walk(self._tree))
        arguments = sum(isinstance(n, ast.Name) and n.id == "z" for n in nodes)
        return arguments + sum(isinstance(n, (ast.BinOp, ast.Call)) for n in nodes)

    def function(self, z: Value, _: float = 0.0) -> Value:
        """The value for an array or a tensor; the second argument is that of `RealFunction`."""
        return _value(self._tree, z)

    def holds(self, lo: float, hi: float) -> bool:
        """Whether the expression is defined between lo and hi, as far as intervals know."""
        with np.errstate(all="ignore"):
            image = _image(self._tree, *_cut(np.array([lo]), np.array([hi])))
        return bool(np.all(image.defined))

    def spans(self, lo: Reals, hi: Reals, _: float = 0.0) -> tuple[Reals, Reals]:
        """Intervals [n] that hold all values for arguments between lo and hi, [n] each."""
        ends, back = np.unique(np.stack([lo, hi]), axis=1, return_inverse=True)
        with np.errstate(all="ignore"):
            image = _image(self._tree, *_cut(*ends))
        least = np.nan_to_num(image.lo, nan=-np.inf, neginf=-np.inf).min(axis=1)
        most = np.nan_to_num(image.hi, nan=np.inf, posinf=np.inf).max(axis=1)
        return least[back.reshape(-1)], most[back.reshape(-1)]


def function_named(name: str) -> RealFunction | Expression:
    """A function of `FUNCTIONS` by its name, or an expression by its text."""
    known = FUNCTIONS.get(name)
    return _expression(name) if known is None else known


@cache
def _expression(text: str) -> Expression:
    return Expression(text)


def _refused(text: str, fact: str) -> ElegansError:
    return ElegansError(f"function {text:.60}", fact, "export the model again")


def _check(node: ast.expr, text: str) -> None:
    """Raises ElegansError for anything but what the module's head names."""
    match node:
        case ast.BinOp(left, op, right) if type(op) in _OPERATORS:
            _check(left, text)
            _check(right, text)
        case ast.UnaryOp(ast.USub(), inner):
            _check(inner, text)
        case ast.Call(ast.Name(name), [argument, *rest], []) if name in _CALLS or name in _PAIRS:
            if len(rest) != (name in _PAIRS or _CALLS[name].constant):
                raise _refused(text, f"gives {name} {len(rest) + 1} arguments")
            if name in _CALLS and any(_number(part) is None for part in rest):
                raise _refused(text, f"gives {name} a parameter that is no number")
            for part in (argument, *rest):
                _check(part, text)
        case ast.Name("z"):
            pass
        case ast.Constant() if (number := _number(node)) is not None and np.isfinite(number):
            pass
        case _:
            raise _refused(text, f"has a part that is no function of z ({ast.unparse(node):.30})")


def _value(node: ast.expr, z: Value) -> Value:
    match node:
        case ast.BinOp(left, op, right):
            return _OPERATORS[type(op)](_value(left, z), _value(right, z))
        case ast.UnaryOp(_, inner):
            return -_value(inner, z)
        case ast.Call(ast.Name(name), [first, *rest]) if name in _PAIRS:
            return _PAIRS[name](_value(first, z), _value(rest[0], z))
        case ast.Call(ast.Name(name), [argument, *rest]):
            return _CALLS[name].function(_value(argument, z), _parameter(rest))
        case ast.Constant():
            return z * 0.0 + _parameter([node])
        case _:
            return z


def _parameter(rest: list[ast.expr]) -> float:
    """The constant of a function; 0 for one that has none."""
    found = _number(rest[0]) if rest else None
    return 0.0 if found is None else found


def _number(node: ast.expr) -> float | None:
    match node:
        case ast.Constant(value) if isinstance(value, (int, float)) and value is not True:
            return None if value is False else float(value)
        case ast.UnaryOp(ast.USub(), ast.Constant() as inner):
            number = _number(inner)
            return None if number is None else -number
        case _:
            return None


def _cut(lo: Reals, hi: Reals) -> tuple[Reals, Reals]:
    """[n, pieces] the ends of the pieces of intervals [n]; one that has no end stays whole."""
    at = np.arange(_PIECES + 1) / _PIECES
    lo, hi = lo[:, None], hi[:, None]
    finite = np.isfinite(lo) & np.isfinite(hi)
    edges = np.where(finite, lo * (1.0 - at) + hi * at, 0.0)
    return np.where(finite, edges[:, :-1], lo), np.where(finite, edges[:, 1:], hi)


def _image(node: ast.expr, lo: Reals, hi: Reals) -> _Image:
    match node:
        case ast.BinOp(left, op, right):
            a, b = (_image(part, lo, hi) for part in (left, right))
            return _combined(a, op, b, ast.dump(left) == ast.dump(right))
        case ast.UnaryOp(_, inner):
            a = _image(inner, lo, hi)
            return _Image(-a.hi, -a.lo, a.defined)
        case ast.Call(ast.Name(name), [first, *rest]) if name in _PAIRS:
            a, b = (_image(part, lo, hi) for part in (first, rest[0]))
            least, most = (_PAIRS[name](x, y) for x, y in ((a.lo, b.lo), (a.hi, b.hi)))
            return _Image(least, most, a.defined * b.defined)
        case ast.Call(ast.Name(name), [argument, *rest]):
            known, a = _CALLS[name], _image(argument, lo, hi)
            inside = known.inside(a.lo, a.hi)
            least, most = known.spans(a.lo, a.hi, _parameter(rest))
            return _Image(
                np.where(inside, least, -np.inf),
                np.where(inside, most, np.inf),
                a.defined * inside,
            )
        case ast.Constant():
            same = np.full_like(lo, _parameter([node]))
            return _Image(same, same, np.ones_like(lo))
        case _:
            return _Image(lo, hi, np.ones_like(lo))


def _combined(a: _Image, op: ast.operator, b: _Image, same: bool) -> _Image:
    """The image of an operator's result; `same` if both sides are one expression."""
    defined = a.defined * b.defined
    match op:
        case ast.Add():
            return _Image(a.lo + b.lo, a.hi + b.hi, defined)
        case ast.Sub():
            return _Image(a.lo - b.hi, a.hi - b.lo, defined)
        case ast.Mult():
            lo, hi = _corners(a, b.lo, b.hi)
            if same:
                lo = np.where((a.lo < 0.0) & (a.hi > 0.0), 0.0, np.minimum(a.lo**2, a.hi**2))
            return _Image(lo, hi, defined)
        case _:
            apart = (b.lo > 0.0) | (b.hi < 0.0)
            lo, hi = _corners(a, 1.0 / b.hi, 1.0 / b.lo)
            lo, hi = np.where(apart, lo, -np.inf), np.where(apart, hi, np.inf)
            return _Image(lo, hi, defined * apart)


def _corners(a: _Image, lo: Reals, hi: Reals) -> tuple[Reals, Reals]:
    corners = np.stack([x * y for x in (a.lo, a.hi) for y in (lo, hi)])
    return corners.min(axis=0), corners.max(axis=0)


def _greater(a: Value, b: Value) -> Value:
    return a + held(b - a)


def _lesser(a: Value, b: Value) -> Value:
    return a - held(a - b)


_PAIRS: dict[str, Callable[[Value, Value], Value]] = {"max": _greater, "min": _lesser}


def _tanh(z: Value, _: float) -> Value:
    return z.tanh() if hasattr(z, "tanh") else np.tanh(z)


def _sigmoid(z: Value, _: float) -> Value:
    return _tanh(z * 0.5, 0.0) * 0.5 + 0.5


def _normal_cdf(z: Value, _: float) -> Value:
    return FUNCTIONS["erf"].function(z * 0.5**0.5, 0.0) * 0.5 + 0.5


_CALLS: dict[str, RealFunction] = {
    **FUNCTIONS,
    "abs": RealFunction(lambda z, _: abs(z), turn=0.0),
    "hard_sigmoid": RealFunction(lambda z, _: z.clip(0.0, 1.0)),
    "normal_cdf": RealFunction(_normal_cdf),
    "relu": RealFunction(lambda z, _: held(z)),
    "sigmoid": RealFunction(_sigmoid),
    "tanh": RealFunction(_tanh),
    **{
        name: RealFunction(
            (lambda curve: lambda z, _: curve.function(z))(c),
            turn=c.lowest if np.isfinite(c.lowest) else None,
        )
        for name, c in CURVES.items()
    },
}
