"""The command line: the group `elegans` and its commands, in the order of a user's way.

Each command is defined in `commands/definitions`, by what it is for.

Exit codes: 0 for success; 1 when the work failed (integers differ, a range cannot be proved, the
firmware does not compile); 2 when it was asked for wrongly (an unknown option, board or name, a
value that its option does not take, a file that is not there); 3 when a board could not be tested
or reached. Progress goes to stderr, results go to stdout.
"""

from __future__ import annotations

import click

from elegans.commands.definitions import chip, host, packaging, training, viewing
from elegans.commands.verbs import Verbs, example


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=example(
        "elegans train lane -o build/lane;"
        " elegans export build/lane/model.onnx -o build/model;"
        " elegans hil build/model --board mps2-an386"
    ),
)
@click.version_option(package_name="elegans")
@click.option("--debug", is_flag=True, expose_value=False, help="show the traceback of an error")
def main() -> None:
    """Run liquid neural networks on microcontrollers and verify every bit.

    A MODEL is an ONNX file with one step of a network. 'export' turns it into a BUILD: a
    folder of fixed-point C, an integer reference and golden vectors. The other commands
    compile a BUILD, run it on a board or an emulator, and compare or measure it.
    """


for command in (
    training.train,
    training.robust,
    training.sweep,
    chip.export,
    chip.build,
    chip.flash,
    chip.run,
    chip.compare,
    chip.hil,
    chip.bench,
    packaging.package,
    packaging.verify,
    host.boards,
    host.doctor,
    viewing.demo,
    viewing.inspect,
    viewing.drive,
    viewing.monitor,
):
    main.add_command(command)
