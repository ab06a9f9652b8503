"""The version of the runtime is raised when the interface between models and kernels changes.

`runtime_interface.txt` has the version, and for each file of the interface a digest of what models
depend on. `pytest tests/exporter/delivery --update-golden` rewrites it once the version is another.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from elegans.exporter.delivery.runtime_files import runtime_version
from elegans.tests.places import CHECKOUT

_RECORDED = Path(__file__).parent / "runtime_interface.txt"
_INCLUDE = CHECKOUT / "runtime_c" / "include" / "elegans"
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_DECLARED = (
    # Functions with their parameters, types with their fields; not the bodies of functions.
    re.compile(r"^[a-z][\w *]*\bel_\w+\([^;{]*\)(?=\s*[;{])", re.MULTILINE),
    re.compile(r"^typedef [^;{]*(?:\{[^}]*\}[^;]*)?;", re.MULTILINE),
    # How tables are laid out, and macros of functions and of assembler by their parameters.
    re.compile(
        r"^#define EL_(?:PAIR|TAIL|NEURON|SYNAPSES|INPUT|POTENTIAL|ROUNDS|TABLES)\w*.*$", re.M
    ),
    re.compile(r"^#define \w+(?:\([^)]*\))?", re.MULTILINE),
    re.compile(r"^\.macro .*$", re.MULTILINE),
)


def _interface() -> dict[str, str]:
    """A digest of what each file declares, by its path; of those that declare something."""
    found = {}
    for path in sorted(p for p in _INCLUDE.rglob("*") if p.suffix in (".h", ".inc")):
        text = _COMMENT.sub("", path.read_text().replace("\\\n", " "))
        lines = [" ".join(m.split()) for kind in _DECLARED for m in kind.findall(text)]
        if lines and path.name != "el_version.h":
            name = path.relative_to(_INCLUDE).as_posix()
            found[name] = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
    return found


def _recorded() -> tuple[int, dict[str, str]]:
    version, *lines = _RECORDED.read_text().splitlines()
    return int(version.split()[1]), dict(line.split(" ") for line in lines)


def test_another_interface_of_the_runtime_has_another_version(request):
    """A model that names what an earlier runtime lacks, or takes otherwise, must not compile with
    it: raise `ELEGANS_RUNTIME_VERSION` in el_version.h, then record with --update-golden."""
    (version, before), now = _recorded(), _interface()
    changed = sorted(n for n in {*before, *now} if before.get(n) != now.get(n))
    if version == runtime_version():
        assert not changed, f"changed since version {version} was recorded"
    elif request.config.getoption("--update-golden"):
        lines = [f"version {runtime_version()}", *(f"{n} {digest}" for n, digest in now.items())]
        _RECORDED.write_text("\n".join(lines) + "\n")
    else:
        assert version == runtime_version(), "record it with --update-golden"


def test_the_interface_has_functions_tables_and_assembler():
    found = _interface()
    assert {"el_tanh.h", "el_unfolds.h", "cores/armv7em/core.h", "cores/armv6m/layers.inc"} <= set(
        found
    )
