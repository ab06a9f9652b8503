"""Affine forms as matrices over windows, and those whose results, or whose inputs, have 32 bits."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import partial

import numpy as np
from scipy import sparse

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Affine, Matrix
from elegans.exporter.ir.fixed_model import Argument, Window
from elegans.exporter.ir.real_network import Network
from elegans.exporter.lowering.formats import Formats
from elegans.exporter.lowering.maps.joint_rounding import InputStatistics, Together
from elegans.exporter.lowering.maps.quantise_maps import RealMap
from elegans.exporter.lowering.maps.wide_maps import wide, wide_sums
from elegans.exporter.lowering.step_builder import StepBuilder
from elegans.exporter.numbers.fixed import Integers, Reals, widest_frac
from elegans.exporter.ops.narrow import Narrow

_COARSE = 0.25  # of a unit of a result, that 16 bits of what it is made of may move it by
_ROUNDED = 0.15  # rms of a weight's rounding, times that of what it multiplies against its reach
MOST_NARROWED = 14
"""Bits by which 16 bits of a vector of 32 may be finer than its upper halves."""

Form = tuple[Matrix, Reals]
"""The weights and the biases of an affine form over windows."""


class WideBuilder(StepBuilder):
    """The steps so far, the matrices of affine forms, and maps of 32 bits."""

    def __init__(
        self, network: Network, formats: Formats, weight_bits: int, finer: bool = False
    ) -> None:
        super().__init__(network, formats)
        self.finer = finer
        self._statistics = InputStatistics(network, formats.spans if weight_bits == 16 else {})

    def wide(self, name: str, layer: str, affine: Affine, frac: Integers) -> Window | None:
        """Add an affine form as the halves of 32-bit integers, if results are to be finer; None if
        not, or where no scale holds it."""
        windows, (weights,) = self.matrices(affine) if self.finer else ((), (None,))
        real = self.real_map(windows, (weights, affine.bias), frac) if windows else None
        op = None if real is None else wide(real, self.joined(windows))
        if op is None:
            return None
        self.in_halves.add(name)
        return self.step(name, layer, op, (windows,), np.concatenate([frac, frac + 16]))

    def sums(self, name: str, layer: str, affine: Affine, frac: Integers) -> Window | None:
        """Add an affine form as the halves of 32-bit integers, of whose upper ones `frac` is or a
        bit less, with all digits of what it reads; None where no scale holds it."""
        windows, (weights,) = self.matrices(affine)
        for coarser in (0, 1):
            form = weights, affine.bias
            found = self._sums(name, layer, windows, form, frac - coarser)
            if found is not None:
                self.in_halves.add(name)
                return found
        return None

    def _sums(
        self,
        name: str,
        layer: str,
        windows: tuple[Window, ...],
        form: Form,
        frac: Integers,
    ) -> Window | None:
        parts = np.split(np.arange(form[0].shape[1]), ends_of(windows)[:-1])
        lower = {w: self.lower_of(w) for w in windows}
        order = sorted(range(len(windows)), key=lambda i: lower[windows[i]] is None)
        upper = tuple(windows[i] for i in order)
        below = tuple(found for w in upper if (found := lower[w]) is not None)
        weights = form[0][:, np.concatenate([parts[i] for i in order])]
        fracs = np.concatenate([self.fracs(w) for w in upper])
        reach = self.joined(upper).reach() + 1
        op = wide_sums(
            RealMap(weights, form[1], fracs, reach, frac, ends_of(upper)),
            sum(w.size for w in below),
        )
        if op is None:
            return None
        try:
            made = self.step(
                name, layer, op, ((*upper, *below),), np.concatenate([frac, frac + 16])
            )
        except ElegansError:
            return None
        return Window(made.vector, 0, len(frac))

    def of_halves(
        self,
        name: str,
        layer: str,
        windows: tuple[Window, ...],
        form: Form,
        frac: Integers,
    ) -> Window | None:
        """An affine form of vectors of 32 bits whose upper halves alone would be too coarse, or of
        weights for which 16 bits are too few; None for any other."""
        if not self.results or not form[0].nnz:
            return None
        units = [
            np.where(self.lower_of(w) is not None, np.ldexp(1.0, -self.fracs(w)), 0.0)
            for w in windows
        ]
        coarse = abs(form[0]) @ np.concatenate(units) > np.ldexp(_COARSE, -frac)
        real = self.real_map(windows, form, frac)
        if not np.any(coarse) and not _too_coarse(real):
            return None
        reach = np.concatenate(
            [np.ldexp(self.interval(w).reach() + 1.0, -self.fracs(w)) for w in windows]
        )
        most = abs(form[0]) @ reach + np.abs(form[1])
        widest = np.array([widest_frac(-float(r), float(r)) for r in most])
        finer = int(max((frac - widest).max(), 0))
        if finer > MOST_NARROWED:
            return None
        made = self._sums(f"{name}_wide" if finer else name, layer, windows, form, frac - finer)
        return made if made is None or not finer else self.narrowed(name, layer, made, finer)

    def narrowed(self, name: str, layer: str, source: Window, finer: int) -> Window:
        """Upper halves in 16 bits that are finer by so many, 1..14, of all 32; it saturates."""
        op = Narrow(source.size, 1 << MOST_NARROWED, MOST_NARROWED - finer)
        lower = self.lower_of(source)
        assert lower is not None
        found = (source, lower) if lower.lo > source.hi else (replace(source, hi=lower.hi),)
        return self.step(name, layer, op, (found,), self.fracs(source) + finer)

    def matrices(self, *affines: Affine) -> tuple[tuple[Window, ...], tuple[Matrix, ...]]:
        """The windows that these forms read, and each form's matrix over all of them."""
        windows: list[Window] = []
        columns: list[list[Matrix]] = []
        vectors = dict.fromkeys(vector for affine in affines for vector in affine.terms)
        if self.states.wide:
            # Lower halves lie behind the upper ones, so only what is before these is beside them.
            vectors = dict.fromkeys(sorted(vectors, key="x".__ne__))
        for vector in vectors:
            found = [affine.terms.get(vector) for affine in affines]
            size = next(m.shape[1] for m in found if m is not None)
            used = np.unique(np.concatenate([m.indices for m in found if m is not None]))
            for piece in self.pieces(vector, size):
                if np.any((used >= piece.lo) & (used < piece.hi)):
                    windows.append(self.renamed(piece))
                    self._real[windows[-1]] = piece
                    columns.append(
                        [
                            sparse.csr_array((affine.size, piece.size))
                            if m is None
                            else m[:, piece.lo : piece.hi]
                            for affine, m in zip(affines, found, strict=True)
                        ]
                    )
        if not windows:  # a constant: one column of zeros, because C has no empty arrays
            windows = [self.anything]
            columns = [[sparse.csr_array((affine.size, 1)) for affine in affines]]
        matrices = (sparse.hstack(part, format="csr") for part in zip(*columns, strict=True))
        finest = max(int(self.fracs(w).max()) for w in windows)
        return tuple(self.brought_up(w, finest) for w in windows), tuple(matrices)

    def together(self, windows: tuple[Window, ...], frac: Integers) -> Together:
        """Rounds the weights of inputs in these windows together."""
        real = tuple(self._real.get(w) for w in windows)
        return partial(self._statistics.rounded, windows=real, frac=frac)

    def real_map(self, inputs: tuple[Window, ...], form: Form, out_frac: Integers) -> RealMap:
        """A map of these windows, and what is known of its integers."""
        frac = np.concatenate([self.fracs(w) for w in inputs])
        reach, together = self.joined(inputs).reach(), self.together(inputs, frac)
        return RealMap(*form, frac, reach, out_frac, ends_of(inputs), together)


def _too_coarse(real: RealMap) -> bool:
    """Whether the rounding of weights of 16 bits moves a result by a part of its unit that counts,
    as where one column has a far wider range than others, and its weight leaves theirs few bits."""
    found = replace(real, weights=sparse.csr_array(real.weights)).quantised(range(31), 16, False)
    if found is None:
        return True
    pattern = (real.weights != 0).astype(np.float64)
    moved = np.sqrt(pattern @ real.in_reach.astype(np.float64) ** 2) * _ROUNDED
    return bool(np.any(moved > np.ldexp(_COARSE, found[2])))


def ends_of(windows: Argument) -> tuple[int, ...]:
    """The columns at which the windows of an argument end."""
    return tuple(itertools.accumulate(window.size for window in windows))
