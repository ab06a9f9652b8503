/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_cfc_compact8.h"

#include "elegans/el_copy.h"
#include "elegans/el_dot_parts.h"

void el_cfc_compact8(int16_t *v, int16_t *next, int16_t *wired, const int16_t *dt,
                     const el_compact8_layer *layer, uint32_t layers,
                     const int8_t *w, const int32_t *bias, const uint8_t *row)
{
    const uint32_t maps = (dt != NULL) ? 4U : 3U;

    for (; layers > 0U; layers--) {
        const int16_t *x = &v[layer->from];
        const uint32_t inputs = layer->inputs;
        const uint32_t first = layer->first;

        for (uint32_t n = 0; n < layer->neurons; n++) {
            const uint32_t synapses = el_compact_gather(wired, x, row, inputs);
            const uint8_t *lifts = &row[((inputs + 7U) >> 3) + 3U];
            int32_t acc[4];

            for (uint32_t m = 0; m < maps; m++) {
                const uint32_t terms = (m < 2U) ? synapses : inputs;
                const uint32_t whole = (layer->whole >> (4U * m)) & 7U;
                uint32_t split = first;

                if ((first > 0U) && (m < 2U)) {
                    split = lifts[4];
                }
                /* Without first inputs the byte is another neuron's, and its power times 0. */
                acc[m] = el_dot_parts(w, (m < 2U) ? wired : x, terms, split, lifts[m] & 7U);
                acc[m] = (acc[m] * (int32_t)(1U << whole)) + *bias++;
                w += terms;
            }
            if (dt != NULL) {
                acc[2] += el_rshr(acc[3], 16) * dt[0];
            }
            next[n] = el_compact_neuron(acc, &lifts[-3]);
            row = &lifts[(first > 0U) ? 5 : 0];
        }
        for (uint32_t n = 0; n < layer->neurons; n++) { /* smaller than el_copy */
            v[layer->to + n] = next[n];
            EL_KEEP_LOOP
        }
        layer++;
    }
}
