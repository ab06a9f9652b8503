"""The picture of drive.html in the documents: the page after half a minute of driving.

    python -m benchmarks.drive_picture build/demo/drive.html docs/images/drive.png

It needs chromium, playwright, and Pillow (which comes with matplotlib).
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

_SIZE = {"width": 1360, "height": 1330}
_DRIVEN = "window.elegans.world.t > 28"


def main(page: Path, picture: Path) -> None:
    """Write the picture of a page."""
    with sync_playwright() as play:
        program = shutil.which("chromium")
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        tab = browser.new_page(viewport=_SIZE, color_scheme="light")
        tab.goto(page.resolve().as_uri() + "#seed=8&noise=1.5&fog=0.8")
        tab.wait_for_selector("body[data-ready]")
        tab.select_option("#rate", "4")
        while not tab.evaluate(_DRIVEN):
            tab.wait_for_timeout(100)
        tab.click("#play")
        tab.wait_for_timeout(500)
        image = Image.open(io.BytesIO(tab.screenshot())).convert("RGB")
        browser.close()
    image.save(picture, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
