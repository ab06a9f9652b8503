"""Where the tests find what they share: the checkout, the golden BUILDs, a tiny hand-made BUILD."""

from __future__ import annotations

import json
from pathlib import Path

TESTS = Path(__file__).resolve().parent
CHECKOUT = TESTS.parent
GOLDEN = TESTS / "golden"
WORM = GOLDEN / "worm.onnx"
TINY_BUILD = TESTS / "boards" / "tiny_build"
WIDE_BUILD = TESTS / "boards" / "wide_build"  # states and elapsed time of 32 bits
RUNTIME = CHECKOUT / "runtime_c"
LIBC = CHECKOUT / "firmware_templates" / "libc"


def forget_checksums(build: Path) -> None:
    """Let a BUILD state no checksums of its files, as one written by hand, so that a test may
    change them."""
    state = json.loads((build / "model.json").read_text())
    (build / "model.json").write_text(json.dumps(state | {"files": {}}))


def model_file(build: Path, ending: str = ".c") -> Path:
    """A file of a BUILD that is called after its model: `.c`, `.h`, `_layers.S`."""
    name = json.loads((build / "model.json").read_text())["name"]
    return build / f"{name}{ending}"
