"""What every refused export has in common."""

from __future__ import annotations

import re

import pytest

from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export


def refused(source, tmp_path, match, **request):
    """Assert that an export raises `place: fact; remedy` and leaves no files."""
    target = tmp_path / "OUT"
    with pytest.raises(ElegansError, match=match) as caught:
        export(Request(source, **request), target)
    assert not target.exists()
    assert not list(tmp_path.glob(".*")), "a draft was left behind"
    assert re.fullmatch(r".+: .+; .+", str(caught.value), re.DOTALL)
