/* SPDX-License-Identifier: 0BSD */
/* All unfolds of one layer of LTC neurons (Hasani et al. 2021, algorithm 1), to the bit those of
 * el_sparse_linear.h, el_sigmoid.h and el_fused_step.h, or, where currents have 32 bits, of
 * el_wide_sparse_linear.h and el_wide_fused_step.h:
 *
 *   y = v + (I - G v) r / (1 + r G), EL_UNFOLDS times, I and G from the sigmoids of synapses
 *
 *   y      [2 n] the next potentials as halves (el_wide.h); may be v
 *   v      [2 n] the potentials as halves
 *   x      [EL_INPUTS] what synapses read besides potentials
 *   r      [3 n] ratios of el_step_ratio
 *   place  [n] where in y the neurons are, those first that no potential reaches
 *   w      what EL_SENSED reads of each neuron; then EL_NEURON of those that no potential reaches,
 *          and what EL_UNFOLD reads of the others
 *
 * The generated C defines the macros, then includes this file; so all of them are constants:
 *
 *   EL_NAME     the function
 *   EL_SENSED   the function that EL_SYNAPSES defines, for inputs
 *   EL_UNFOLD   that of EL_DRIVEN
 *   EL_INPUTS, EL_NEURONS, EL_UNFOLDS
 *   EL_STILL    neurons that no potential reaches: their I, G and divisor are those of every unfold
 *   EL_LEFT     how far a current is shifted left, to the scale of lo G: the fractional bits of the
 *               upper halves, 0..15, where it has 16 bits. 0 where it has 32 bits; -1 if some of
 *               these are shifted left all the same, each by what the first word of EL_NEURON has
 *               above its lower 8 bits
 *   EL_UP       0..13, the bits by which I - G v is shifted up
 *   EL_BITS     of a quotient, 1..31
 *   EL_HELD_CURRENT, EL_HELD_CONDUCTANCE
 *               1 if I, or G, must be saturated to int16, else 0
 *
 * Potentials wait in words with half a unit of the upper half added, so that their upper halves,
 * which synapses read, are rounded. Why nothing overflows is said in exporter/ops/fused_step.py. */
static void EL_NAME(int16_t *y, const int16_t *v, const int16_t *x, const int16_t *r,
                    const uint16_t *place, const int32_t *w)
{
#ifndef EL_NATIVE_SUMS
    int32_t inputs[EL_INPUTS];
#endif
    int32_t potentials[2][EL_NEURONS];
    el_unfold unfolds[EL_NEURONS];

    el_unfold_begin(potentials[0], unfolds, v, r, place, EL_NEURONS);
#ifdef EL_NATIVE_SUMS
    w = EL_SENSED(unfolds, x, w, EL_NEURONS);
#else
    for (int32_t i = 0; i < EL_INPUTS; i++) {
        inputs[i] = (int32_t)((uint32_t)(int32_t)x[i] << 16);
    }
    w = EL_SENSED(unfolds, inputs, w, EL_NEURONS);
#endif
    if (EL_STILL > 0) {
        EL_UNFOLD_CONSTANTS(unfolds, w, EL_STILL, EL_LEFT, EL_UP, EL_HELD_CURRENT,
                            EL_HELD_CONDUCTANCE);
        w += EL_STILL * EL_NEURON_WORDS;
    }
    for (int32_t round = 0; round < EL_UNFOLDS; round++) {
        const int32_t *from = potentials[round & 1];
        int32_t *to = potentials[(round & 1) ^ 1];

        if (EL_STILL > 0) {
            el_unfold_still(to, from, unfolds, EL_STILL, EL_BITS);
        }
        EL_UNFOLD(to, from, &unfolds[EL_STILL], w, EL_STILL, EL_NEURONS);
    }
    el_unfold_end(y, potentials[EL_UNFOLDS & 1], place, EL_NEURONS);
}

#undef EL_NAME
#undef EL_SENSED
#undef EL_UNFOLD
#undef EL_INPUTS
#undef EL_NEURONS
#undef EL_UNFOLDS
#undef EL_STILL
#undef EL_LEFT
#undef EL_UP
#undef EL_BITS
#undef EL_HELD_CURRENT
#undef EL_HELD_CONDUCTANCE
