/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_cfc_compact.h"

#include "elegans/el_copy.h"
#include "elegans/el_dot.h"

void el_cfc_compact(int16_t *v, int16_t *next, int16_t *wired, const int16_t *dt,
                    const el_compact_layer *layer, uint32_t layers,
                    const int16_t *w, const int32_t *bias, const uint8_t *row)
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

                acc[m] = el_dot(*bias++, w, (m < 2U) ? wired : x, terms);
                w += terms;
            }
            if (dt != NULL) {
                acc[2] += el_rshr(acc[3], 16) * dt[0];
            }
            row += (inputs + 7U) >> 3;
            next[n] = el_compact_neuron(acc, row);
            row += 3;
        }
        for (uint32_t n = 0; n < layer->neurons; n++) { /* smaller than el_copy */
            v[layer->to + n] = next[n];
            EL_KEEP_LOOP
        }
        layer++;
    }
}
