"""Names that people write become names that C takes, and tables are still found by them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elegans.exporter.ir.interface import is_label, model_name, valid_name
from elegans.exporter.storage.column_names import c_names, other_spellings


@given(st.lists(st.text(max_size=50), max_size=8))
def test_any_texts_become_labels_whose_macros_differ(names):
    found = c_names(names)
    macros = [m for n in found for m in (n.upper(), f"{n.upper()}_FRAC")]
    assert all(map(is_label, found))
    assert len(set(macros)) == len(macros) == 2 * len(names)


@given(st.text(max_size=60))
def test_any_text_becomes_a_model_s_name(text):
    assert valid_name(model_name(text))


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("my-model.v2", "my_model_v2"),
        ("Model 3 (final)", "model_3_final"),
        ("2024_net", "model_2024_net"),
        ("math", "model_math"),
        ("el_net", "model_el_net"),
        ("car_float", "car_float_model"),
        ("car_weights", "car_weights_model"),
        ("float", "float_model"),
        ("2_clock", "model"),
        ("größe", "gr_e"),
        ("", "model"),
        ("a_name_that_is_as_long_as_it_may", "a_name_that_is_as_long_as"),
        ("as_long_as_a_name_may_be_of_31", "as_long_as_a_name_may_be_of_31"),
    ],
)
def test_the_name_of_a_file_stays_readable(file, name):
    assert model_name(file) == name


def test_a_column_is_found_under_the_name_that_c_has_for_it():
    columns = ["heart rate [bpm]", "2nd lead", "age", "Age (y)"]
    inputs = ["heart_rate", "x_2nd_lead", "age", "other"]
    assert other_spellings(inputs, columns) == {
        "heart rate [bpm]": "heart_rate",
        "2nd lead": "x_2nd_lead",
    }


def test_two_columns_that_fit_one_name_are_not_guessed_between():
    assert other_spellings(["a_b"], ["a b", "a-b"]) == {}
