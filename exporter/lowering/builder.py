"""The fixed-point model in the making: affine forms become maps of integers."""

from __future__ import annotations

import math

import numpy as np
from scipy import sparse

from elegans.exporter.atoms.images.convolution import ConvolutionImage
from elegans.exporter.atoms.images.frame import FrameImage
from elegans.exporter.atoms.images.image import NARROWED, by_channel
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Affine, Matrix
from elegans.exporter.ir.atom import DT
from elegans.exporter.ir.builder import MappedForm
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.real_network import Network
from elegans.exporter.ir.spans import affine_span, element_fracs
from elegans.exporter.lowering.formats import Formats
from elegans.exporter.lowering.images import maps
from elegans.exporter.lowering.maps import integer_maps
from elegans.exporter.lowering.maps.quantise_timed import RealTimedMap
from elegans.exporter.lowering.wide_builder import MOST_NARROWED, WideBuilder, ends_of
from elegans.exporter.numbers.fixed import Integers, Interval, Reals, widest_frac
from elegans.exporter.ops.rescale import Rescale
from elegans.exporter.ops.widen import Widen

_MOST_COARSER = 10  # bits that a map may lose
_MOST_SHIFT = 15  # of a vector that is only rescaled; beyond that it is a map of ones

_ByChannel = tuple[str, Reals, Reals]  # a vector, and the scale and the offset of its channels


class ModelBuilder(WideBuilder):
    """The steps so far, and the maps that are added to them.

    It implements `atom.Builder`, which is what an atom needs to add its own steps.

    structure  what is compiled already of a model whose weights are replaceable; None for others
    """

    def __init__(
        self,
        network: Network,
        formats: Formats,
        weight_bits: int,
        structure: integer_maps.Structure | None,
        finer: bool = False,
    ) -> None:
        super().__init__(network, formats, weight_bits, finer)
        self.weight_bits, self.structure = weight_bits, structure
        self._folded = maps.folded(network)

    def halves(self, name: str, layer: str, window: Window, frac: int) -> Window:
        """A whole vector of the real network as the halves of its 32-bit integers.

        One that has 16 bits is given `frac` fractional bits, and lower halves of zero.
        """
        found = self.known_halves(window)
        if found is not None:
            return found
        source = self.renamed(window)
        fracs = np.full(window.size, frac)
        upper = self.rescaled(f"{name}_upper", layer, source, fracs)
        return self.step(name, layer, Widen(), ((upper,),), np.concatenate([fracs, fracs + 16]))

    def widest(self, affine: Affine) -> Integers:
        """For each row of an affine form the finest int16 format that holds it."""
        if self._folded & affine.terms.keys():
            return element_fracs(affine_span(affine, self.spans))
        reach = np.abs(affine.bias)
        for vector, matrix in affine.terms.items():
            whole = self.renamed_all(Window(vector, 0, matrix.shape[1]))
            integers = self.joined(whole).reach().astype(np.float64)
            fracs = np.concatenate([self.fracs(w) for w in whole])
            reach = reach + abs(matrix) @ np.ldexp(integers, -fracs)
        return np.array([widest_frac(-float(r), float(r)) for r in reach])

    def even(self, affine: Affine) -> Integers:
        """One format for all rows: the finest that holds every one of them."""
        return np.full(affine.size, self.widest(affine).min())

    def linear(
        self,
        name: str,
        layer: str,
        affine: Affine,
        out_frac: Integers,
        tabled: bool = False,
        alike: bool = False,
        held: bool = False,
    ) -> Window:
        """Add an affine form as a step; `tabled` where a table looks its result up, `alike` where
        its rows shall share a shift, which is faster, if that costs few bits, `held` where an
        image shall have fewer bits than int16 (`NARROWED`).

        Weights too large for a fine result make a coarser one, which is rescaled.
        """
        out_frac = integer_maps.frac_of(self.structure, name, out_frac)
        if by_channel(self.atoms, affine) is not None:
            return self.add(name, layer, self.mapped(name, affine, out_frac, tabled, alike, held))
        windows, (weights,) = self.matrices(affine)
        found = self.of_halves(name, layer, windows, (weights, affine.bias), out_frac)
        if found is not None:
            return found
        return self._fitted(name, layer, windows, (weights, affine.bias), out_frac, tabled, alike)

    def _fitted(
        self,
        name: str,
        layer: str,
        windows: tuple[Window, ...],
        form: tuple[Matrix, Reals],
        out_frac: Integers,
        tabled: bool = False,
        alike: bool = False,
    ) -> Window:
        """Add a map as a step, or as two if only a coarser result has a scale."""
        try:
            mapped = self._mapped(name, windows, form, out_frac, tabled, alike)
            return self.add(name, layer, mapped)
        except ElegansError as error:
            if tabled:
                raise
            refusal = error
        for coarser in range(1, _MOST_COARSER + 1):
            try:
                mapped = self._mapped(name, windows, form, out_frac - coarser, alike=alike)
            except ElegansError:
                continue
            source = self.add(f"{name}_coarse", layer, mapped)
            return self.rescaled(name, layer, source, out_frac)
        raise refusal

    def add(self, name: str, layer: str, mapped: MappedForm) -> Window:
        """Add a mapped affine form as a step."""
        return self.step(name, layer, mapped.op, (mapped.inputs,), mapped.frac)

    def mapped(
        self,
        name: str,
        affine: Affine,
        out_frac: Integers,
        tabled: bool = False,
        alike: bool = False,
        held: bool = False,
    ) -> MappedForm:
        """An affine form in integers, not yet added. Raises ElegansError if no scale holds it."""
        out_frac = integer_maps.frac_of(self.structure, name, out_frac)
        found = by_channel(self.atoms, affine)
        if found is not None:
            return self._by_channel(name, found, out_frac, held, found[0] in self._folded)
        windows, (weights,) = self.matrices(affine)
        return self._mapped(name, windows, (weights, affine.bias), out_frac, tabled, alike)

    def direct(self, affine: Affine) -> Window | None:
        """The vector of the real network that an affine form is, if the model has that vector."""
        window = affine.window()
        return None if window is None or window.vector in self._folded else window

    def image(self, name: str, layer: str, window: Window, channels: int) -> Window:
        """An image in the model, each channel in one format for all of its pixels."""
        source = self.renamed(window)
        fracs = self.fracs(source).reshape(-1, channels)
        if not np.any(fracs != fracs[0]):
            return source
        return self.rescaled(name, layer, source, np.tile(fracs.min(axis=0), len(fracs)))

    def frame(self, name: str, layer: str, vector: str) -> None:
        """Add the image from outside that is the vector of this name."""
        atom = self.atoms[vector]
        assert isinstance(atom, FrameImage)
        frac = element_fracs(self.spans[vector])[: atom.channels] - NARROWED
        op = maps.frame(name, atom, self.outside["x"][atom.x.lo : atom.x.hi], frac)
        self.step(name, layer, op, ((atom.x,),), np.tile(frac, atom.size // atom.channels))

    def convolution(self, name: str, layer: str, vector: str) -> None:
        """Add the convolution that is the vector of this name, unless it is part of others."""
        atom = self.atoms[vector]
        assert isinstance(atom, ConvolutionImage)
        if vector not in self._folded:
            frac = element_fracs(self.spans[vector])
            whole = (vector, np.ones(atom.channels), np.zeros(atom.channels))
            self.add(name, layer, self._by_channel(name, whole, frac, held=True, within=True))

    def _by_channel(
        self, name: str, form: _ByChannel, out_frac: Integers, held: bool, within: bool
    ) -> MappedForm:
        """`scale * v + offset` for each channel of an image v; `within` if v is a convolution that
        is computed here, `held` if the result has fewer bits than int16."""
        vector, scale, offset = form
        atom, channels = self.atoms[vector], len(scale)
        frac = out_frac.reshape(-1, channels).min(axis=0) - NARROWED * held
        if within:
            assert isinstance(atom, ConvolutionImage)
            window, source = atom.shape, atom.x
            kernel = atom.weights * scale[:, None], atom.bias * scale + offset, atom.groups
        else:
            window = maps.window_of_channels(atom.size, channels)
            source = Window(vector, 0, atom.size)
            kernel = scale[:, None], offset, channels
        x = self.image(f"{name}_x", "layer", source, window.channels)
        fracs = self.fracs(x)[: window.channels]
        reach = self.interval(x).reach().reshape(-1, window.channels).max(axis=0)
        op = maps.convolution(name, window, kernel, (fracs, reach), frac, held)
        return MappedForm((x,), op, np.tile(frac, window.positions))

    def range_of(self, mapped: MappedForm) -> Interval:
        """The bounds that the result of a mapped affine form would have."""
        found: Interval = mapped.op.range(self.joined(mapped.inputs))
        return found

    def rescaled(self, name: str, layer: str, source: Window, frac: Integers) -> Window:
        """A vector in another format; the vector itself where it has that format."""
        shifts = set((frac - self.fracs(source)).tolist())
        if shifts == {0}:
            return source
        if self.results and self.lower_of(source) is not None and max(shifts) > 0:
            one = sparse.eye_array(source.size, format="csr"), np.zeros(source.size)
            if len(shifts) == 1 and max(shifts) <= MOST_NARROWED:
                return self.narrowed(name, layer, source, max(shifts))
            if (found := self.of_halves(name, layer, (source,), one, frac)) is not None:
                return found
        if len(shifts) > 1 or not -_MOST_SHIFT <= (shift := shifts.pop()) <= _MOST_SHIFT:
            one = sparse.eye_array(source.size, format="csr")
            return self._fitted(name, layer, (source,), (one, np.zeros(len(frac))), frac)
        op = Rescale(max(shift, 0), max(-shift, 0))
        return self.step(name, layer, op, ((source,),), frac)

    def timed(self, name: str, layer: str, drive: Affine, rate: Affine, frac: int) -> Window | None:
        """Add `drive + rate * dt` as one step; None where no format holds it, or it is sparse."""
        windows, (still, moving) = self.matrices(drive, rate)
        if still.nnz + moving.nnz < math.prod(still.shape):
            return None
        reach = self.joined(windows).reach()
        fracs = np.concatenate([self.fracs(w) for w in windows])
        dt = self.renamed(DT)
        real = RealTimedMap(
            *(still.toarray(), drive.bias, moving.toarray(), rate.bias),
            *(fracs, reach),
            dt_frac=int(self.fracs(dt)[0]),
            dt_reach=int(self.interval(dt).reach()[0]),
            out_frac=frac,
            together=self.together(windows, fracs),
            ends=ends_of(windows),
        )
        op = integer_maps.integer_timed_map(name, real, self.weight_bits, self.structure)
        if op is None:
            return None
        return self.step(name, layer, op, (windows, (dt,)), np.full(drive.size, frac))

    def _mapped(
        self,
        name: str,
        inputs: tuple[Window, ...],
        form: tuple[Matrix, Reals],
        out_frac: Integers,
        tabled: bool = False,
        alike: bool = False,
    ) -> MappedForm:
        real = self.real_map(inputs, form, out_frac)
        op = integer_maps.integer_map(name, real, self.weight_bits, self.structure, tabled, alike)
        return MappedForm(inputs, op, out_frac)
