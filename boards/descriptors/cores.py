"""The processor cores that firmware is compiled for: a table of how they differ."""

from __future__ import annotations

from dataclasses import dataclass

ARM, RISCV = "arm", "riscv"


@dataclass(frozen=True)
class Core:
    """A core, with its options for the compilers and its name in the emulator.

    ``architecture`` is `ARM` (a Cortex-M) or `RISCV` (in machine mode). ``gcc`` and ``zig`` are
    options of the compilers, ``gcc_link`` more options for gcc when it links. ``fpu`` says that
    access to the coprocessors must be enabled before floating point or MVE is used; ``mainline``
    that the core is an Arm core with the fault status register and the cycle counter (DWT), which
    v6-M lacks. ``unicorn`` is the CPU model of the emulator unicorn, a ``UC_CPU_*`` name, or None
    if it has none.
    """

    name: str
    architecture: str
    gcc: tuple[str, ...]
    zig: tuple[str, ...]
    gcc_link: tuple[str, ...]
    fpu: bool
    mainline: bool
    unicorn: str | None


def _core(
    cpu: str,
    unicorn: str | None,
    fpu: str | None = None,
    zig_features: str = "",
    v6m: bool = False,
    gcc: str | None = None,
) -> Core:
    """A row of the table: ``cpu`` and ``fpu`` are gcc's names; a core with an FPU is named
    with an ``f`` behind ``cpu``, except for the M55 and M85. ``gcc`` is the core that gcc
    compiles for, if gcc 12 does not know ``cpu``."""
    # With an FPU, the calling convention passes floats in its registers. Models have no floats,
    # but all objects of a firmware must use the same convention.
    floats = ("-mfloat-abi=hard", f"-mfpu={fpu}") if fpu else ("-mfloat-abi=soft",)
    abi = "eabihf" if fpu else "eabi"
    zig_cpu = cpu.replace("-", "_") + zig_features
    return Core(
        name=cpu if fpu in (None, "auto") else f"{cpu}f",
        architecture=ARM,
        gcc=(f"-mcpu={gcc or cpu}", "-mthumb", *floats),
        zig=(
            "-target",
            f"thumb-freestanding-{abi}",
            f"-mcpu={zig_cpu}",
        ),
        gcc_link=(),
        fpu=fpu is not None,
        mainline=not v6m,
        unicorn=f"UC_CPU_ARM_{unicorn}" if unicorn else None,
    )


def _riscv(name: str, abi: str = "ilp32") -> Core:
    """A row of the table: ``name`` consists of ``rv32`` and the letters of the extensions."""
    library = name.rstrip("c")
    features = "+".join(name.removeprefix("rv32").removeprefix("i"))
    # Data of a few bytes get no section of their own (-msmall-data-limit). Tables of unwinding
    # would be loaded, and nothing reads them. The stack's size cannot be computed through a jump
    # by a table. By default zig keeps a frame pointer.
    own = (
        *("-msmall-data-limit=0", "-fno-jump-tables"),
        *("-fno-asynchronous-unwind-tables", "-fno-unwind-tables"),
    )
    return Core(
        name=name,
        architecture=RISCV,
        # By the name with zicsr gcc 12 does not find its library for the core.
        gcc=(f"-march={name}_zicsr", f"-mabi={abi}", *own),
        zig=(
            "-target",
            "riscv32-freestanding-none",
            f"-mcpu=generic_rv32+relax+{features}",
            "-fomit-frame-pointer",
            *own,
        ),
        gcc_link=(f"-march={library}",),
        fpu=False,
        mainline=False,
        unicorn="UC_CPU_RISCV32_ANY",
    )


# zig uses the DSP and MVE extensions only if they are named. unicorn has no M0+; its M0 executes
# the same instructions. Its one RV32 has all extensions.
CORES = {
    core.name: core
    for core in (
        _core("cortex-m0", "CORTEX_M0", v6m=True),
        _core("cortex-m0plus", "CORTEX_M0", v6m=True),
        _core("cortex-m3", "CORTEX_M3"),
        _core("cortex-m4", "CORTEX_M4", fpu="fpv4-sp-d16"),
        _core("cortex-m7", "CORTEX_M7", fpu="fpv5-d16"),
        _core("cortex-m33", "CORTEX_M33", fpu="fpv5-sp-d16", zig_features="+dsp"),
        _core("cortex-m55", None, fpu="auto", zig_features="+mve"),
        _core("cortex-m85", None, fpu="auto", zig_features="+mve", gcc="cortex-m55"),
        _riscv("rv32imc"),
        _riscv("rv32imac"),
        _riscv("rv32ec", abi="ilp32e"),
    )
}
"""By name, as in the key ``core`` of a descriptor."""
