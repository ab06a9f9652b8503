"""Packages, checked by their ecosystems' own tools where these are installed."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tomllib
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import numpy as np
import pytest

from elegans.exporter.delivery.runtime_files import runtime_version
from elegans.hil_tests.session.build_files import load_build


def _needs(program):
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


# As much as these packages use of the functions of Zephyr's and ESP-IDF's build systems.
_ZEPHYR = """cmake_minimum_required(VERSION 3.20)
project(zephyr_stand_in C)
set(CONFIG_ELEGANS_FAST y)
set(CONFIG_ELEGANS_SLOW y)
function(zephyr_include_directories folder)
    include_directories(BEFORE ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
    set_property(GLOBAL APPEND PROPERTY folders ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
endfunction()
macro(zephyr_library_named name)
    set(library ${name})
    file(WRITE ${CMAKE_BINARY_DIR}/none.c "typedef int none;")
    add_library(${name} STATIC ${CMAKE_BINARY_DIR}/none.c)
    target_include_directories(${name} PRIVATE $<TARGET_PROPERTY:app,INCLUDE_DIRECTORIES>)
    set_property(GLOBAL APPEND PROPERTY libraries ${name})
endmacro()
macro(zephyr_library_sources)
    target_sources(${library} PRIVATE ${ARGN})
endmacro()
add_executable(app main.c)
"""
_ZEPHYR_END = """
get_property(folders GLOBAL PROPERTY folders)
get_property(libraries GLOBAL PROPERTY libraries)
target_include_directories(app PRIVATE ${folders})
target_link_libraries(app PRIVATE fast slow elegans_runtime)
"""
_IDF = """cmake_minimum_required(VERSION 3.16)
project(idf_stand_in C ASM)
macro(idf_component_register)
    cmake_parse_arguments(given "" "" "SRCS;INCLUDE_DIRS" ${ARGN})
    get_filename_component(COMPONENT_LIB ${CMAKE_CURRENT_SOURCE_DIR} NAME)
    add_library(${COMPONENT_LIB} STATIC ${given_SRCS})
    target_include_directories(${COMPONENT_LIB} PUBLIC ${given_INCLUDE_DIRS})
endmacro()
"""
_MAIN = """
#include "fast_selftest.h"
#include "slow_selftest.h"

int main(void)
{
    return fast_selftest() != 0 || slow_selftest() != 0;
}
"""


@_needs("cmake")
@_needs("ninja")
@pytest.mark.parametrize(
    ("ecosystem", "before", "after"),
    [
        ("zephyr", _ZEPHYR, _ZEPHYR_END),
        ("esp-idf", _IDF, "add_executable(app main.c)\ntarget_link_libraries(app fast slow)\n"),
    ],
)
def test_two_models_share_one_runtime_in_the_calls_of_a_build_system(
    packages, run, tmp_path, ecosystem, before, after
):
    lines = [f"add_subdirectory({f / ecosystem / n} {n})\n" for n, f in packages.items()]
    (tmp_path / "CMakeLists.txt").write_text(before + "".join(lines) + after)
    (tmp_path / "main.c").write_text(_MAIN)
    run("cmake", "-S", ".", "-B", "b", "-G", "Ninja")
    run("cmake", "--build", "b")
    run("b/app")
    assert len(list((tmp_path / "b").rglob("libelegans_runtime.a"))) == 1


def test_a_zephyr_module_has_the_keys_of_the_schema_and_the_files_that_they_name(packages):
    yaml = pytest.importorskip("yaml")
    folder = packages["fast"] / "zephyr" / "fast"
    module = yaml.safe_load((folder / "zephyr" / "module.yml").read_text())
    assert module.keys() == {"name", "build", "samples"}
    assert (folder / module["build"]["cmake"] / "CMakeLists.txt").is_file()
    assert "config ELEGANS_FAST\n" in (folder / module["build"]["kconfig"]).read_text()
    for sample in module["samples"]:
        assert list((folder / sample).rglob("sample.yaml"))


# An Arduino platform whose board is this machine.
_PLATFORM = """name=Host
version=1.0.0
compiler.path=/usr/bin/
preproc.macros.flags=-w -x c++ -E -CC
recipe.preproc.macros="{compiler.path}g++" {preproc.macros.flags} {includes} "{source_file}" -o "{preprocessed_file_path}"
recipe.c.o.pattern="{compiler.path}gcc" -c -std=c99 -Wall -Wextra -Werror {includes} "{source_file}" -o "{object_file}"
recipe.cpp.o.pattern="{compiler.path}g++" -c -std=c++14 -Wall -Wextra -Werror {includes} "{source_file}" -o "{object_file}"
recipe.S.o.pattern="{compiler.path}gcc" -c -x assembler-with-cpp {includes} "{source_file}" -o "{object_file}"
recipe.ar.pattern="{compiler.path}ar" rcs "{archive_file_path}" "{object_file}"
recipe.c.combine.pattern="{compiler.path}g++" {object_files} "{build.path}/{archive_file}" -o "{build.path}/program"
"""  # noqa: E501
_CORE = """#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#define F(text) text
enum { A0, A1, A2, A3, A4, A5 };
struct Port {
    void begin(long) {}
    void print(const char *text) { printf("%s", text); }
    void print(char letter) { putchar(letter); }
    void print(int n) { printf("%d", n); }
    void println(int n) { printf("%d\\n", n); }
};
__attribute__((unused)) static Port Serial;
static inline int analogRead(uint8_t pin) { return 100 * pin + 200; }
static inline unsigned long millis() { return 50; }
static inline void delay(unsigned long) { exit(0); }
void setup();
void loop();
"""
_ARDUINO = ("arduino-builder", "-compile", "-hardware", "/usr/share/arduino-builder")


def _libraries(packages, folder):
    """The libraries of two models in one folder, as a sketchbook has them."""
    for place in packages.values():
        shutil.copytree(place / "arduino", folder / "libraries", dirs_exist_ok=True)
    (folder / "build").mkdir()
    return folder / "libraries"


@_needs("arduino-builder")
def test_the_arduino_example_runs_and_finds_both_libraries_by_one_include(packages, run, tmp_path):
    libraries = _libraries(packages, tmp_path)
    platform = tmp_path / "hardware" / "own" / "host"
    (platform / "cores" / "host").mkdir(parents=True)
    (platform / "platform.txt").write_text(_PLATFORM)
    (platform / "boards.txt").write_text("pc.name=PC\npc.build.core=host\npc.build.mcu=pc\n")
    (platform / "cores" / "host" / "Arduino.h").write_text(_CORE)
    main = '#include "Arduino.h"\nint main() { setup(); for (;;) loop(); }\n'
    (platform / "cores" / "host" / "main.cpp").write_text(main)
    sketch = tmp_path / "Sensor" / "Sensor.ino"
    sketch.parent.mkdir()
    text = (libraries / "fast" / "examples" / "Sensor" / "Sensor.ino").read_text()
    both = "#include <fast.h>\n#include <slow.h>\n"
    text = text.replace("#include <fast.h>\n", both).replace(
        "fast_init(&state);", "fast_init(&state); Serial.println((int)slow_selftest());"
    )
    sketch.write_text(text)
    where = ("-hardware", tmp_path / "hardware", "-tools", "/usr/bin", "-libraries", libraries)
    run(*_ARDUINO, *where, "-fqbn", "own:host:pc", "-build-path", tmp_path / "build", sketch)
    lines = run(tmp_path / "build" / "program").splitlines()
    assert lines[0] == "fast: 48 vectors, first different integer: 0"
    assert lines[1] == "0"
    assert len(lines[2].split()) == 2


@_needs("arduino-builder")
def test_a_core_with_an_int_of_16_bits_is_refused_by_name_not_computed_wrong(packages, tmp_path):
    libraries = _libraries(packages, tmp_path)
    if not Path("/usr/share/arduino/hardware/arduino/avr").is_dir():
        pytest.skip("the core is not installed: arduino-core-avr")
    line = (libraries / "fast" / "library.properties").read_text()
    assert "architectures=" in line
    assert "avr" not in line.split("architectures=")[1].split("\n")[0].split(",")
    sketch = libraries / "fast" / "examples" / "Sensor" / "Sensor.ino"
    where = ("-hardware", "/usr/share/arduino/hardware", "-tools", "/usr/bin")
    options = ("-libraries", libraries, "-fqbn", "arduino:avr:mega:cpu=atmega2560")
    path = ("-prefs", "compiler.path=/usr/bin/", "-build-path", tmp_path / "build")
    done = subprocess.run(
        [*_ARDUINO, *where, *options, *path, sketch], capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "elegans needs a target on which int has 32 bits" in done.stdout + done.stderr


def test_a_platformio_manifest_names_the_runtime_and_files_that_are_there(packages):
    folder = packages["fast"] / "platformio"
    manifest = json.loads((folder / "fast" / "library.json").read_text())
    runtime = json.loads((folder / "elegans_runtime" / "library.json").read_text())
    assert manifest["dependencies"] == {runtime["name"]: runtime["version"]}
    for header in manifest["headers"]:
        assert (folder / "fast" / "include" / header).is_file()
    for example in manifest["examples"]:
        for file in example["files"]:
            assert (folder / "fast" / example["base"] / file).is_file()


@_needs("cargo")
def test_crates_of_two_models_link_one_runtime_and_pass_their_tests(packages, run, tmp_path):
    registry = Path("/usr/share/cargo/registry")
    if not list(registry.glob("cc-*")):
        pytest.skip("the crate cc is not installed: librust-cc-dev")
    both = shutil.copytree(packages["fast"] / "cargo", tmp_path / "both")
    shutil.copytree(packages["slow"] / "cargo", both, dirs_exist_ok=True)
    manifest = both / "fast" / "Cargo.toml"
    text = manifest.read_text() + '\n[dev-dependencies]\nslow = { path = "../slow" }\n'
    manifest.write_text(text)
    (both / "fast" / "tests").mkdir()
    (both / "fast" / "tests" / "both.rs").write_text(
        "#[test]\nfn both() {\n    assert_eq!(slow::selftest(), Ok(()));\n"
        "    assert_eq!(fast::selftest(), Ok(()));\n"
        "    let dt = fast::DT;\n"
        "    let s = fast::Signal { least: -9, greatest: 9, offset: 0.0, scale: 0.5, ..dt };\n"
        "    let v = [-0.25, 0.25, -0.26, 9e9, -9e9, f64::NAN];\n"
        "    assert_eq!(v.map(|v| s.integer(v)), [0, 1, -1, 9, -9, -9]);\n}\n"
    )
    sources = (
        f'[source.crates-io]\nreplace-with = "debian"\n[source.debian]\ndirectory = "{registry}"\n'
    )
    (both / "config.toml").write_text(sources)
    printed = run("cargo", "--config", both / "config.toml", "test", "--offline", cwd=both / "fast")
    assert printed.count("1 passed") == 2
    assert tomllib.loads((both / "slow" / "Cargo.toml").read_text())["package"]["license"] == "0BSD"


@_needs("node")
def test_the_wasm_package_steps_as_the_reference_and_passes_its_selftest(packages, builds, run):
    vectors = load_build(builds["fast"]).vectors
    rows = np.flatnonzero(vectors.section == 1)[:200]
    steps = [[vectors.x[i].tolist(), int(vectors.dt[i]), vectors.y[i].tolist()] for i in rows[:100]]
    code = f"""
import {{ load, digest }} from "{packages["fast"] / "wasm" / "fast" / "index.js"}";
import * as slow from "{packages["slow"] / "wasm" / "slow" / "index.js"}";
const network = await load(), other = await slow.load();
let different = network.selftest() + other.selftest();
for (const [x, dt, y] of {json.dumps(steps)}) {{
  other.step([0.5, 20, 0]);
  const found = network.stepIntegers(x, dt);
  y.forEach((value, i) => (different += value !== found[i]));
}}
console.log(different, digest);
"""
    assert run("node", "--input-type=module", "-e", code).split()[0] == "0"
    text = run("node", packages["slow"] / "wasm" / "slow" / "example" / "sensor.js", text="0 9 0\n")
    assert len(text.split()) == 2


_HALVES = """
#include <math.h>
#include <stdio.h>
#include "fmi3.c"
int main(void)
{
    const signal s = {0, 0.5, -9, 9};
    const double v[6] = {-0.25, 0.25, -0.26, 9e99, -9e99, NAN};
    for (int i = 0; i < 6; i++) {
        printf("%d%c", (int)nearest(v[i], &s), i < 5 ? ' ' : '\\n');
    }
}
"""
"""Values at and beside halves, which are rounded upwards, and beyond the ends."""


def test_the_sources_of_an_fmu_are_those_that_its_build_description_names(packages, run, tmp_path):
    archive = zipfile.ZipFile(packages["fast"] / "fmu" / "fast" / "fast.fmu")
    archive.extractall(tmp_path)
    names = {name.removeprefix("sources/") for name in archive.namelist()}
    root = ElementTree.fromstring(archive.read("sources/buildDescription.xml"))
    units = [e.attrib["name"] for e in root.iter("SourceFile")]
    assert set(units) == {n for n in names if n.endswith(".c")}
    include = [f"-I{e.attrib['name']}" for e in root.iter("IncludeDirectory")]
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", *include]
    run("cc", *flags, *units, "-o", "unit.so", cwd=tmp_path / "sources")
    (tmp_path / "sources" / "halves.c").write_text(_HALVES)
    rest = [unit for unit in units if unit != "fmi3.c"]
    run("cc", "-std=c99", *include, "halves.c", *rest, "-o", "halves", cwd=tmp_path / "sources")
    assert run(tmp_path / "sources" / "halves") == "0 1 -1 9 -9 -9\n"


def test_fmpy_validates_the_units_and_simulates_them_to_the_bit(packages, builds):
    fmpy = pytest.importorskip("fmpy", reason="fmpy is not installed")
    from fmpy.fmi3 import FMU3Slave
    from fmpy.validation import validate_fmu

    for name, folder in packages.items():
        assert validate_fmu(folder / "fmu" / name / f"{name}.fmu") == []
    path = packages["fast"] / "fmu" / "fast" / "fast.fmu"
    build = load_build(builds["fast"])
    rows = np.flatnonzero(build.vectors.section == 1)[:100]  # the first run, from rest
    description = fmpy.read_model_description(path)
    unit = FMU3Slave(
        guid=description.guid,
        unzipDirectory=fmpy.extract(path),
        modelIdentifier="fast",
        instanceName="one",
    )
    unit.instantiate()
    unit.enterInitializationMode()
    unit.exitInitializationMode()
    assert unit.getInt32([6]) == [0]  # the self-test
    now, kept = 0.0, None
    for i in rows:  # steps of communication of all sizes
        x = [c.to_real(int(v)) for c, v in zip(build.inputs, build.vectors.x[i], strict=True)]
        size = build.dt.to_real(int(build.vectors.dt[i]))
        unit.setFloat64([1, 2, 3], x)
        unit.doStep(currentCommunicationPoint=now, communicationStepSize=size)
        now += size
        y = [c.to_real(int(v)) for c, v in zip(build.outputs, build.vectors.y[i], strict=True)]
        assert unit.getFloat64([4, 5]) == y
        kept = kept or unit.getFMUState()
    unit.setFMUState(kept)
    assert unit.getFloat64([0])[0] == build.dt.to_real(int(build.vectors.dt[rows[0]]))
    unit.freeFMUState(kept)
    unit.terminate()
    unit.freeInstance()


def test_a_cmsis_pack_names_its_files_and_requires_the_runtime(packages):
    folder = packages["fast"] / "cmsis-pack"
    for name, version in (("fast", "1.0.0"), ("elegans_runtime", f"{runtime_version()}.0.0")):
        (path,) = (folder / name).glob("*.pack")
        archive = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
        root = ElementTree.fromstring(archive.read(f"elegans.{name}.pdsc"))
        assert root.find("releases/release").attrib["version"] == version
        assert path.name == f"elegans.{name}.{version}.pack"
        for file in root.iter("file"):
            assert any(n.startswith(file.attrib["name"]) for n in archive.namelist())
    required = ElementTree.fromstring(
        zipfile.ZipFile(folder / "fast" / "elegans.fast.1.0.0.pack").read("elegans.fast.pdsc")
    ).find("conditions/condition/require")
    assert required.attrib["Csub"] == "runtime"
