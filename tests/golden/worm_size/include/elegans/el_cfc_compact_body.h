/* Layers of CfC neurons in as little flash as possible: the bits of el_linear, el_tanh,
 * el_timed_linear, el_sigmoid and el_mix in turn.
 *
 *   v        inputs and states, where `layer` says
 *   next     [most neurons of a layer] room for new states while the old ones are still read
 *   wired    [most inputs of a layer] room for the inputs from which a neuron's f and g have
 *            synapses
 *   dt       [1] elapsed time; NULL for a fixed sample period, where t has no rate
 *   layer    [layers] in the order of computation
 *   w        for each neuron the weights of f, then of g, of its synapses only; then those of t
 *            and, if dt is not NULL, of t's rate, of all inputs
 *   bias     for each neuron those of f, g, t and, if dt is not NULL, t's rate, at the
 *            accumulators' scales
 *   row      for each neuron a bit for each input, the first in the lowest bit of the first
 *            byte, filled up to a whole byte: set if f and g have a synapse from it, at least
 *            one bit; then three bytes, the shifts of f, g and t, 0..30
 *
 * The exporter proves that no accumulator leaves int32_t, partial sums in any order and
 * rounding included.
 *
 * One text serves both types of weights. el_cfc_compact.c and el_cfc_compact8.c each define
 * three macros, then include this file:
 *
 *   EL_NAME    the function: el_cfc_compact or el_cfc_compact8
 *   EL_WEIGHT  the type of its weights: int16_t or int8_t
 *   EL_DOT     the sum of products by such weights: el_dot or el_dot8 */
void EL_NAME(int16_t *v, int16_t *next, int16_t *wired, const int16_t *dt,
             const el_compact_layer *layer, uint32_t layers,
             const EL_WEIGHT *w, const int32_t *bias, const uint8_t *row)
{
    const uint32_t maps = (dt != NULL) ? 4U : 3U;

    for (; layers > 0U; layers--) {
        const int16_t *x = &v[layer->from];
        const uint32_t inputs = layer->inputs;

        for (uint32_t n = 0; n < layer->neurons; n++) {
            const uint32_t synapses = el_compact_gather(wired, x, row, inputs);
            int32_t acc[4];

            for (uint32_t m = 0; m < maps; m++) {
                const uint32_t terms = (m < 2U) ? synapses : inputs;

                acc[m] = EL_DOT(*bias++, w, (m < 2U) ? wired : x, terms);
                w += terms;
            }
            if (dt != NULL) {
                acc[2] += el_rshr(acc[3], 16) * dt[0];
            }
            row += (inputs + 7U) >> 3;
            next[n] = el_compact_neuron(acc, row);
            row += 3;
        }
        memcpy(&v[layer->to], next, layer->neurons * sizeof(int16_t));
        layer++;
    }
}

#undef EL_NAME
#undef EL_WEIGHT
#undef EL_DOT
