"""An interface is checked before the training, by the rules that the exporter applies after it."""

from __future__ import annotations

import pytest

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.interface import Signal, from_metadata, model_name, to_metadata, valid_name
from elegans.trainer.onnx_out.signals import limits, trained_interface

INPUTS = (Signal("near", "m", (-2.0, 2.0)), Signal("far", "m", (0.0, 40.0)))
DT = Signal("dt", "s", (0.02, 0.1))
OUTPUTS = (Signal("left", "rad"),)
NAMES = ["", "Lane", "2fast", "a-b", "x" * 32, "board", "el", "uart_2"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_the_exporter_refuses_is_refused_before_the_training(name: str) -> None:
    with pytest.raises(ElegansError, match="cannot be a prefix in C"):
        valid_name(name)
    with pytest.raises(ElegansError, match="cannot be a prefix in C"):
        trained_interface(name, INPUTS, DT, OUTPUTS)


@pytest.mark.parametrize("end", ["clock", "float", "health", "layers", "selftest"])
def test_a_model_is_not_called_as_a_file_of_another_one(end: str) -> None:
    with pytest.raises(ElegansError, match="is what a file of a model 'my_car' is called"):
        valid_name(f"my_car_{end}")


@pytest.mark.parametrize(
    ("file", "name"),
    [("board", "model_board"), ("My-net.v2", "my_net_v2"), ("2fast", "model_2fast")],
)
def test_a_file_s_name_becomes_one_that_c_takes(file: str, name: str) -> None:
    assert model_name(file) == name
    assert valid_name(name) == name


def test_the_metadata_give_the_interface_back() -> None:
    interface = trained_interface("toy", INPUTS, DT, OUTPUTS)
    assert from_metadata(to_metadata(interface), "other", 2, 1) == interface


def test_limits_are_the_ends_of_the_ranges_in_order() -> None:
    low, high = limits(INPUTS)
    assert (low.tolist(), high.tolist()) == ([-2.0, 0.0], [2.0, 40.0])


@pytest.mark.parametrize("bounds", [(1.0, 1.0), (2.0, -2.0), (0.0, float("inf")), None])
def test_a_signal_without_a_proper_range_is_refused(bounds: tuple[float, float] | None) -> None:
    with pytest.raises(ElegansError, match="lost"):
        trained_interface("toy", (Signal("lost", "m", bounds),), DT, OUTPUTS)


def test_an_elapsed_time_of_zero_is_refused() -> None:
    with pytest.raises(ElegansError, match="elapsed time starts at 0 s"):
        trained_interface("toy", INPUTS, Signal("dt", "s", (0.0, 0.1)), OUTPUTS)


def test_a_network_without_outputs_is_refused() -> None:
    with pytest.raises(ElegansError, match="2 inputs and 0 outputs"):
        trained_interface("toy", INPUTS, DT, ())
