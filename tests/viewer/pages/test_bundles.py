"""The bundles that are committed are those that `npm run build` makes of the sources."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from elegans.tests.places import CHECKOUT

_WEB = CHECKOUT / "viewer" / "web"
_BUNDLES = CHECKOUT / "viewer" / "pages" / "bundles"


def test_the_bundles_are_those_of_the_sources(tmp_path):
    node = shutil.which("node")
    if node is None or not (_WEB / "node_modules" / "esbuild").exists():
        pytest.skip("no node, or no packages: npm ci in viewer/web")
    line = [node, "build.mjs", str(tmp_path)]
    subprocess.run(line, cwd=_WEB, check=True, timeout=60, capture_output=True)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_bytes() for path in _BUNDLES.iterdir()}
