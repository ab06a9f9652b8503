"""What one may do after a command: a line on stderr when it has succeeded."""

from __future__ import annotations

from typing import Any

import click

from elegans.commands.edge import say

# By verb; the names in braces are those of its parameters.
_NEXT = {
    "train": "elegans export {output}/model.onnx -o {output}/export",
    "export": "elegans hil {output} --board mps2-an386",
    "build": "elegans flash {build} --board {board}",
    "flash": "elegans hil {build} --board {board}",
    "run": "elegans compare {build} --input {source}",
    "compare": "elegans hil {build} --board mps2-an386",
    "hil": "elegans bench {build} --board {boards[0]}",
    "bench": "{build}/README.md says how to call the C",
    "doctor": "elegans demo",
    "demo": "elegans bench {output}/export; {output}/report.html shows the drives",
}


class Verb(click.Command):
    """A command that names the next one, unless it fails or prints JSON."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; then say what comes next."""
        try:
            result = super().invoke(ctx)
        except SystemExit as end:
            if not end.code:
                tell_next(ctx)
            raise
        tell_next(ctx)
        return result


def tell_next(ctx: click.Context) -> None:
    """Print the next command to stderr."""
    text = _NEXT.get(ctx.info_name or "")
    compared = ctx.params.get("compare")  # of `elegans hil --compare`, which runs no BUILD
    if text is not None and not ctx.params.get("as_json") and not compared:
        say(f"next: {text.format(**ctx.params)}", err=True)
