"""Real boards without the hardware: the firmware runs on an emulated core inside a model of the
board's chip."""

from __future__ import annotations

from elegans.boards.descriptors.descriptor import boards
from elegans.boards.emulation.machines import MACHINES
from elegans.boards.firmware.build import Firmware
from elegans.boards.firmware.elf_image import read_image
from elegans.hil_tests.wire.frames import Decoder, Frame, encode
from elegans.tests.boards.firmware.chips import chip

REAL = [board.name for board in boards().values() if not board.emulators]


class RealBoard:
    """A board that has booted a firmware: its descriptor, its chip and its core."""

    def __init__(self, firmware: Firmware) -> None:
        self.descriptor, self.chip = firmware.board, chip(firmware.board.name)
        self._out = bytearray()
        image = read_image(firmware.elf)
        machine = MACHINES[self.descriptor.core.architecture]
        self.machine = machine(self.descriptor, image, self._out.extend, print, self.chip)
        self.machine.boot()

    def ask(self, kind: int, payload: bytes) -> bytes:
        """The payload of the reply to a request."""
        self.machine.receive(encode(Frame(kind, 7, payload)))
        (frame,) = Decoder().feed(bytes(self._out))
        self._out.clear()
        assert frame.kind == kind | 0x80
        return frame.payload
