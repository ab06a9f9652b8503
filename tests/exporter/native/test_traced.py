"""Bodies of ops as C over int64: each operator computes what NumPy computes."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.ir.fixed_model import Channel, Model, Step, Window
from elegans.exporter.native.compiled_run import compiled_run
from elegans.exporter.numbers.fixed import Value, constant, product
from elegans.exporter.numbers.sliding_window import flattened, gathered
from elegans.exporter.numbers.sparse_matrix import SparseMatrix
from elegans.exporter.oracles import reference

_N = 6
_WEIGHTS = np.arange(-7, 2 * _N - 7).reshape(2, _N) * 1001
_TABLE = np.array([5, -(1 << 40), 7, 11])


class _Body:
    """One result of 42 elements, by every operator that bodies may use."""

    kernel = "body"

    def integer(self, x: Value, h: Value) -> tuple[Value, ...]:
        shifts = constant(np.arange(_N), x)
        image = gathered(x, np.array([[0, 2, 4], [5, 5, 1]]))
        return (
            (x * h - 3) >> 2,
            (x >> shifts) + abs(h),
            x // (abs(h) + constant(np.arange(1, _N + 1), x)),
            x // -(1 << 3),
            constant(_TABLE, x)[(x & 7) - 4],
            h.clip(constant(np.full(_N, -9), x), 20_000),
            product(h, _WEIGHTS),
            product(x, SparseMatrix.of(_WEIGHTS * (_WEIGHTS % 3 == 0))),
            flattened(product(image, _WEIGHTS[:, :3]) + constant(np.array([1, -1]), x), 4)[
                ..., 2:4
            ],
        )


@pytest.fixture(scope="module")
def model() -> Model:
    def windows(name: str, *ends: tuple[int, int]) -> tuple[Window, ...]:
        return tuple(Window(name, lo, hi) for lo, hi in ends)

    channels = [tuple(Channel(f"{v}{i}", "", 0, -32768, 32767) for i in range(_N)) for v in "xhy"]
    step = Step("r", "", _Body(), (windows("x", (0, _N)), windows("h", (0, _N))), 42, (0,) * 42)
    # y reads single elements, because int16 is not what they are.
    y = windows("r", (0, 6)) + windows("r", (6, 42))
    return Model(
        "m", channels[0], None, channels[1], channels[2] * 7, (step,), y, windows("x", (0, _N))
    )


def test_each_operator_computes_what_numpy_computes(model: Model) -> None:
    rng = np.random.default_rng(0)
    x, h0 = rng.integers(-32768, 32768, (500, _N)), np.array([-32768, 32767, 0, 1, -1, 7])
    compiled = compiled_run(model)
    if compiled.run is None:
        pytest.skip(compiled.story)
    expected = reference.run(model, x, np.zeros(500, np.int64), h0)
    y, h = compiled.run(x, np.zeros(500, np.int64), h0)
    np.testing.assert_array_equal(y, expected.y)
    np.testing.assert_array_equal(h, expected.h_next)


class _Careless(_Body):
    """Divides by zero, and reads beyond a table."""

    def integer(self, x: Value, h: Value) -> tuple[Value, ...]:
        table = constant(_TABLE, x)
        return (*(x // (x - x),) * 3, table[(x & 1) * 1_000_000_000_000 - 4], *(h // -1,) * 3)


def test_what_c_does_not_define_does_no_harm(model: Model) -> None:
    """NumPy stops at such a place, or gives the same; whatever comes out is compared with it."""
    step = Step("r", "", _Careless(), model.steps[0].inputs, 42, (0,) * 42)
    careless = compiled_run(Model(**{**vars(model), "steps": (step,)}))
    if careless.run is None:
        pytest.skip(careless.story)
    x = np.arange(_N)[None]
    y, _ = careless.run(x, np.zeros(1, np.int64), np.arange(_N))
    assert not y[0, : 3 * _N].any()
    np.testing.assert_array_equal(y[0, 4 * _N :], np.tile(-np.arange(_N), 3))
