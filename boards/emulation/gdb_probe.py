"""A pyOCD debug probe in front of QEMU: translates accesses to DP, AHB-AP and the core's debug
registers into requests to QEMU's gdb stub.

With it pyOCD runs its own flash algorithms against an emulated flash controller, and flashing
is tested without a board. The probe is used only if it is named, as ``gdb:PORT`` or
``gdb:HOST:PORT``. (Arm ADIv5.2 for DP and AP; Armv6-M manual, chapter C1, for the debug
registers.)
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from pyocd.core import exceptions
from pyocd.core.plugin import Plugin
from pyocd.probe.debug_probe import DebugProbe

from elegans.boards.emulation.gdb_remote import GdbClient, GdbError

# Registers of the debug port, of the access port, and of the core.
_DP_IDR, _DP_CTRL = 0x0, 0x4
_CSW, _TAR, _DRW, _BASE, _IDR = 0x00, 0x04, 0x0C, 0xF8, 0xFC
_ROM, _SCS = 0xE00F_F000, 0xE000_E000
_AIRCR, _DFSR, _DHCSR, _DCRSR, _DCRDR, _DEMCR = (
    *(0xE000_ED0C, 0xE000_ED30, 0xE000_EDF0, 0xE000_EDF4, 0xE000_EDF8, 0xE000_EDFC),
)
# Bits of DHCSR (the key stands in its upper half), of AIRCR and of DEMCR.
_HALT, _STEP, _KEY = 2, 4, 0xA05F
_REGISTER_READY, _HALTED, _WAS_RESET = 1 << 16, 1 << 17, 1 << 25
_SYSRESETREQ, _CATCH_RESET = 4, 1


def _component(base: int, kind: int, part: int) -> dict[int, int]:
    """The identification registers (PIDR and CIDR) of a CoreSight component by Arm."""
    ids = [0x04, 0, 0, 0, part & 0xFF, 0xB0 | part >> 8, 0x0B, 0x00, 0x0D, kind, 0x05, 0xB1]
    return {base + 0xFD0 + 4 * i: value for i, value in enumerate(ids)}


# Words that the stub does not have: a ROM table that points to the core, and the identification
# of both.
_ROM_WORDS = {
    _ROM: (_SCS - _ROM & 0xFFFF_F000) | 3,
    _ROM + 4: 0,
    _ROM + 0xFCC: 1,
    **_component(_ROM, 0x10, 0x471),
    **_component(_SCS, 0xE0, 0x008),
}


class GdbProbe(DebugProbe):  # type: ignore[misc]  # pyOCD has no types
    """The gdb stub at ``address``, PORT or HOST:PORT, as a probe.

    The methods without a docstring are those of pyOCD's `DebugProbe`.
    """

    def __init__(self, address: str) -> None:
        super().__init__()
        host, _, port = address.rpartition(":")
        self._host, self._port = host or "127.0.0.1", int(port)
        self._address = address
        self._gdb: GdbClient | None = None
        self._ap: dict[int, int] = {}
        self._ctrl = self._data = self._demcr = 0
        self._was_reset = self._in_reset = False

    @classmethod
    def get_all_connected_probes(
        cls, unique_id: str | None = None, is_explicit: bool = False
    ) -> Sequence[DebugProbe]:
        probe = cls.get_probe_with_id(unique_id or "", is_explicit)
        return [probe] if probe else []

    @classmethod
    def get_probe_with_id(cls, unique_id: str, is_explicit: bool = False) -> DebugProbe | None:
        named = is_explicit and unique_id.rpartition(":")[2].isdigit()
        return cls(unique_id) if named else None

    vendor_name = property(lambda self: "QEMU")
    product_name = property(lambda self: "gdb stub")
    unique_id = property(lambda self: f"gdb:{self._address}")
    supported_wire_protocols = property(lambda self: list(DebugProbe.Protocol))
    wire_protocol = property(lambda self: DebugProbe.Protocol.SWD if self._gdb else None)
    is_open = property(lambda self: self._gdb is not None)
    capabilities = property(lambda self: set[DebugProbe.Capability]())

    def open(self) -> None:
        self._gdb = self._as_probe_error(lambda: GdbClient(self._host, self._port))

    def close(self) -> None:
        if self._gdb:
            self._gdb.close()
            self._gdb = None

    def connect(self, protocol: DebugProbe.Protocol | None = None) -> None:
        pass

    def disconnect(self) -> None:
        pass

    def set_clock(self, frequency: float) -> None:
        pass

    def reset(self) -> None:
        self._as_probe_error(self._reset)

    def assert_reset(self, asserted: bool) -> None:
        if asserted != self._in_reset:
            self._as_probe_error(self._hold if asserted else self._release)
        self._in_reset = asserted

    def is_reset_asserted(self) -> bool:
        return self._in_reset

    def read_dp(self, addr: int, now: bool = True) -> Any:
        # Requests for power are granted at once: each acknowledge bit is one above its request.
        values = {_DP_IDR: 0x0BB1_1477, _DP_CTRL: self._ctrl | (self._ctrl & 0x5000_0000) << 1}
        value = values.get(addr & 0xF, 0)
        return value if now else lambda: value

    def write_dp(self, addr: int, data: int) -> None:
        if addr & 0xF == _DP_CTRL:
            self._ctrl = data

    def read_ap(self, addr: int, now: bool = True) -> Any:
        value = self._as_probe_error(lambda: self._read_ap(addr))
        return value if now else lambda: value

    def write_ap(self, addr: int, data: int) -> None:
        self.write_ap_multiple(addr, [data])

    def read_ap_multiple(self, addr: int, count: int = 1, now: bool = True) -> Any:
        values = self._as_probe_error(
            lambda: self._read_memory(count) if addr & 0xFF == _DRW else []
        )
        return values if now else lambda: values

    def write_ap_multiple(self, addr: int, values: Sequence[int]) -> None:
        if addr >> 24:
            return
        if addr & 0xFF == _DRW:
            self._as_probe_error(lambda: self._write_memory(values))
        else:
            self._ap[addr & 0xFF] = values[-1]

    def _as_probe_error(self, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except GdbError as error:
            raise exceptions.ProbeError(str(error)) from error

    @property
    def _target(self) -> GdbClient:
        if self._gdb is None:
            raise GdbError("the probe is not open")
        return self._gdb

    def _read_ap(self, addr: int) -> int:
        if addr >> 24:  # there is one access port, number 0
            return 0
        if addr & 0xFF == _DRW:
            return self._read_memory(1)[0]
        known = {_IDR: 0x0477_0021, _BASE: _ROM | 3, _CSW: self._ap.get(_CSW, 0) | 0x40}
        return known.get(addr & 0xFF, self._ap.get(addr & 0xFF, 0))

    def _read_memory(self, count: int) -> list[int]:
        """Values from the address in TAR on, of the size in CSW, each in its byte lane."""
        size, step, at = self._size(), self._step(), self._ap.get(_TAR, 0)
        special = at in _ROM_WORDS or (at & ~0xFFF == _SCS and at >= _AIRCR)
        if count == 1 or special or not step:
            values = [self._read_word(at + i * step, size) for i in range(count)]
        else:
            raw = self._target.read(at, count * size)
            parts = (raw[i : i + size] for i in range(0, len(raw), size))
            lanes = enumerate(int.from_bytes(part, "little") for part in parts)
            values = [value << 8 * (at + i * size & 3) for i, value in lanes]
        self._ap[_TAR] = at + count * step
        return values

    def _write_memory(self, values: Sequence[int]) -> None:
        size, step, at = self._size(), self._step(), self._ap.get(_TAR, 0)
        if len(values) > 1 and step and size == 4 and at & ~0xFFF != _SCS:
            self._target.write(at, struct.pack(f"<{len(values)}I", *values))
        else:
            for i, value in enumerate(values):
                self._write_word(at + i * step, size, value)
        self._ap[_TAR] = at + len(values) * step

    def _size(self) -> int:
        return 1 << (self._ap.get(_CSW, 2) & 7)

    def _step(self) -> int:
        return self._size() if self._ap.get(_CSW, 0) >> 4 & 3 else 0

    def _read_word(self, at: int, size: int) -> int:
        if at in _ROM_WORDS:
            return _ROM_WORDS[at]
        if at == _DHCSR:
            stopped = self._target.stopped(0.002)
            was, self._was_reset = self._was_reset, False
            return _REGISTER_READY | 1 | _HALTED * stopped | _WAS_RESET * was | _HALT * stopped
        if at in (_DCRDR, _DEMCR, _DFSR):
            return {_DCRDR: self._data, _DEMCR: self._demcr, _DFSR: 1}[at]
        lane = 8 * (at & 3)
        return int.from_bytes(self._target.read(at, size), "little") << lane

    def _write_word(self, at: int, size: int, value: int) -> None:
        target = self._target
        if at == _DHCSR:
            self._control(value)
        elif at == _DCRDR:
            self._data = value
        elif at == _DEMCR:
            self._demcr = value
        elif at == _DCRSR:
            if value >> 16 & 1:
                target.set_register(value & 0x7F, self._data)
            else:
                self._data = target.register(value & 0x7F)
        elif at == _AIRCR and value & _SYSRESETREQ:
            self._reset()
        elif at != _DFSR:
            target.write(at, (value >> 8 * (at & 3)).to_bytes(4, "little")[:size])

    def _control(self, value: int) -> None:
        target = self._target
        if value >> 16 != _KEY:
            return
        if value & _STEP and not value & _HALT:
            target.step()
        elif value & _HALT:
            target.halt()
        elif not target.running:
            target.resume()

    def _reset(self) -> None:
        self._hold()
        self._release()

    def _hold(self) -> None:
        self._target.reset()
        self._was_reset = True

    def _release(self) -> None:
        if not self._demcr & _CATCH_RESET:
            self._target.resume()


class GdbProbePlugin(Plugin):  # type: ignore[misc]
    """The plugin that pyOCD finds under the entry point ``pyocd.probe``."""

    def load(self) -> type[DebugProbe]:
        """The class of the probe."""
        return GdbProbe

    name = property(lambda self: "gdb")
    description = property(lambda self: "QEMU's gdb stub")
