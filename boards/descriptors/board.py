"""A board as frozen dataclasses, whose fields are the keys of its descriptor.

``docs/boards.md`` shows a descriptor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from elegans.boards.descriptors.cores import Core

CATALOGUE = Path(__file__).resolve().parents[1] / "catalogue"
"""The folder of the descriptors that come with elegans."""

MOST_STACK = 1 << 16
"""The most bytes that a stack gets if the descriptor states no size: start-up fills it with a
pattern, and each handshake looks how much of it is left."""

MOST_CREDIT = 8192
"""The most bytes of receive buffer that a board gets if its descriptor states no size."""

MOST_BUFFER = 1 << 18
"""The most bytes of a frame, and of the receive buffer: an image of 66 x 200 x 3 takes 79,200."""

LEAST_FRAME = 128
"""A frame that holds a HELLO reply with a name of the greatest length."""


@dataclass(frozen=True)
class Region:
    """A contiguous part of the address space: its first address, and its size in bytes."""

    origin: int
    bytes: int

    def contains(self, address: int, count: int) -> bool:
        """Whether ``count`` bytes from ``address`` on lie within it."""
        return self.origin <= address and address + count <= self.origin + self.bytes

    def pages(self, size: int) -> tuple[int, int]:
        """The origin and the bytes of the whole pages of ``size`` bytes that cover it."""
        first = self.origin & -size
        last = -(-(self.origin + self.bytes) // size) * size
        return first, last - first


@dataclass(frozen=True)
class FixedSection:
    """A linker section of the board's ``source`` that must lie ``offset`` bytes into the flash."""

    section: str
    offset: int


@dataclass(frozen=True)
class Memory:
    """Where code and data go.

    ``stack`` bytes behind the data are reserved for the stack; by default all that is left of the
    RAM, up to `MOST_STACK`. The vector table lies ``vectors`` bytes into the flash; ``fixed``
    lists sections with an offset of their own.
    """

    flash: Region
    ram: Region
    stack: int | None = None
    vectors: int = 0
    fixed: tuple[FixedSection, ...] = ()


@dataclass(frozen=True)
class Uart:
    """The UART that the host talks to.

    ``driver`` names ``firmware_templates/uart_<driver>.c``, or is ``source`` if the board's own
    source defines the driver. ``base`` is the address of its registers, ``irq`` the number of
    its receive interrupt, ``clock_hz`` the frequency of its clock, ``baud`` its rate after a
    reset in bit/s.
    """

    driver: str
    base: int
    irq: int
    clock_hz: int
    baud: int


@dataclass(frozen=True)
class Interrupts:
    """The interrupt controller of a RISC-V chip; all Cortex-M have the same one.

    ``driver`` names ``firmware_templates/interrupts_<driver>.c``, ``base`` is the address of its
    registers, 0 if it has none in memory.
    """

    driver: str
    base: int = 0


@dataclass(frozen=True)
class Counter:
    """The counter whose ticks measure a step: ``kind`` names
    ``firmware_templates/counter_<kind>.c``, ``hz`` is its frequency on the board."""

    kind: str
    hz: int


@dataclass(frozen=True)
class LinkBuffers:
    """The sizes of the link's buffers in bytes.

    ``max_frame`` is the largest decoded frame; there are two such buffers. ``credit`` is the size
    of the receive buffer, a power of two: the host may have no more bytes than that on the way.
    What is 0 follows from the RAM: see `fitted`.
    """

    max_frame: int = 0
    credit: int = 0

    def fitted(self, ram: Region) -> LinkBuffers:
        """These sizes, with those that are 0 chosen so that all buffers together take at most
        half of the RAM, and no more than lets the host keep a fast line busy."""
        most = min(max(ram.bytes, 1) // 4, MOST_CREDIT)
        credit = self.credit or 1 << most.bit_length() - 1
        return LinkBuffers(self.max_frame or max(credit // 2, LEAST_FRAME), credit)


@dataclass(frozen=True)
class QemuMachine:
    """QEMU's name of the machine, and its clock: an instruction takes 2^icount_shift ns.

    The shift must make an instruction at least four counter ticks long, or exactly one; then the
    number of instructions can be computed from ticks, in spite of their rounding. ``cpu`` is the
    core, where the machine's own is another.
    """

    machine: str
    icount_shift: int
    cpu: str | None = None


@dataclass(frozen=True)
class Programming:
    """How the chip is flashed.

    ``target`` is pyOCD's name of the chip, ``uf2_family`` its number in UF2 files;
    ``rom_loader`` says that its ROM has ST's serial loader.
    """

    target: str | None = None
    uf2_family: int | None = None
    rom_loader: bool = False


@dataclass(frozen=True)
class FlashTiming:
    """How long the core waits for its flash, by the document ``source``.

    ``hz`` is the clock of the core; a line of ``line_bytes`` that is in no cache costs
    ``wait_states`` of its cycles.
    """

    hz: int
    wait_states: int
    line_bytes: int
    source: str


@dataclass(frozen=True)
class RunCurrent:
    """What the chip takes while its core runs: ``ua_per_mhz`` microamperes for each MHz, by the
    document ``source``, at the board's supply of ``millivolts``."""

    ua_per_mhz: int
    millivolts: int
    source: str


@dataclass(frozen=True)
class StepMark:
    """A pin that is high while a step runs, for a power meter.

    ``setup`` are pairs of an address and the word that is written there before the first step;
    writing the word ``high`` to ``set_address`` sets the pin, writing ``low`` to ``clear_address``
    clears it.
    """

    set_address: int
    high: int
    clear_address: int
    low: int
    setup: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Board:
    """A board, real or virtual.

    ``name`` and ``title`` are its short and its full name. ``emulators`` are those that can
    emulate it, the preferred one first; a real board has none. ``source`` is a C file beside
    the descriptor that defines ``board_init``, which starts the clocks and connects the pins;
    None if the board needs neither. ``timing`` and ``current`` are what is published of the chip,
    ``mark`` a pin for a power meter. ``path`` is the descriptor that the board was read from.
    """

    name: str
    title: str
    core: Core
    memory: Memory
    uart: Uart
    counter: Counter
    interrupts: Interrupts | None = None
    link: LinkBuffers = field(default_factory=LinkBuffers)
    emulators: tuple[str, ...] = ()
    source: str | None = None
    flash: Programming | None = None
    qemu: QemuMachine | None = None
    timing: FlashTiming | None = None
    current: RunCurrent | None = None
    mark: StepMark | None = None
    path: Path | None = None

    @property
    def folder(self) -> Path:
        """The folder of the descriptor and of ``source``."""
        return CATALOGUE if self.path is None else self.path.parent
