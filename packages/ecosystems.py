"""The table of ecosystems. A further one is a row here, and a folder of templates of its name in
`firmware_templates/packages/`, which has the same tree as the package: `package/` for the model's,
`runtime/` for the runtime's, NAME for the name of the model."""

from __future__ import annotations

from elegans.packages import forbidden_names as names
from elegans.packages.binaries import LIBRARY_FLAGS, WASM_FLAGS, fmu_library, wasm_module
from elegans.packages.ecosystem import Ecosystem

_NESTED, _BESIDE = "{name}/elegans_runtime", "elegans_runtime"
_USUAL = ("{name}/include", "{name}/src")

_ROWS = (
    Ecosystem("cmake", "CMake", *_USUAL, _NESTED, forbidden=names.CMAKE),
    Ecosystem(
        "arduino",
        "Arduino",
        *("{name}/src/model", "{name}/src/model"),
        *(_BESIDE, "src", "src"),
        forbidden=names.ARDUINO,
    ),
    Ecosystem("platformio", "PlatformIO", *_USUAL, _BESIDE, forbidden=names.ARDUINO),
    Ecosystem("zephyr", "Zephyr", *_USUAL, _NESTED, forbidden=names.ZEPHYR),
    Ecosystem("esp-idf", "ESP-IDF", *_USUAL, _NESTED, forbidden=names.ESP_IDF),
    Ecosystem(
        "cmsis-pack",
        "CMSIS-Pack",
        *("{name}/content/include", "{name}/content/src"),
        *(_BESIDE, "content/include", "content/src"),
        archives=(
            (
                "elegans_runtime/content",
                "elegans_runtime/elegans.elegans_runtime.{runtime_version}.pack",
            ),
            ("{name}/content", "{name}/elegans.{name}.{version}.pack"),
        ),
    ),
    Ecosystem(
        "cargo",
        "Rust",
        *("{name}/c", "{name}/c"),
        *(_BESIDE, "c/include", "c/src"),
        forbidden=names.CARGO,
    ),
    Ecosystem("micropython", "MicroPython", *_USUAL, _NESTED, forbidden=names.MICROPYTHON),
    Ecosystem(
        "fmu",
        "FMI 3.0",
        *("{name}/content/sources", "{name}/content/sources"),
        "",
        archives=(("{name}/content", "{name}/{name}.fmu"),),
        flags=LIBRARY_FLAGS,
        compiled=fmu_library,
    ),
    Ecosystem(
        "wasm",
        "WebAssembly",
        *("{name}/c", "{name}/c"),
        "",
        forbidden=names.NPM,
        flags=WASM_FLAGS,
        compiled=wasm_module,
    ),
)

ECOSYSTEMS = {row.name: row for row in _ROWS}
"""The ecosystems by their names."""
