#include "elegans/el_cfc_compact8.h"

#include <string.h>

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
        const uint32_t bytes = (first + 7U) >> 3;
        const uint32_t lifts = (first > 0U) ? maps : 0U;

        for (uint32_t n = 0; n < layer->neurons; n++) {
            const uint32_t before = (first > 0U) ? el_compact_gather(wired, x, row, first) : 0U;
            uint32_t synapses = before;
            int32_t acc[4];

            row += bytes;
            if (inputs > first) {
                synapses += el_compact_gather(&wired[before], &x[first], row, inputs - first);
            }
            row += (inputs - first + 7U) >> 3;
            for (uint32_t m = 0; m < maps; m++) {
                const uint32_t terms = (m < 2U) ? synapses : inputs;
                const uint32_t lift = (lifts > 0U) ? row[3U + m] : 0U;

                acc[m] = el_dot_parts(w, (m < 2U) ? wired : x, terms,
                                      (m < 2U) ? before : first, lift);
                w += terms;
            }
            acc[0] += bias[0];
            acc[1] += bias[1];
            acc[2] = (acc[2] * (int32_t)(1U << layer->still)) + bias[2];
            if (dt != NULL) {
                acc[3] = (acc[3] * (int32_t)(1U << layer->moving)) + bias[3];
                acc[2] += el_rshr(acc[3], 16) * dt[0];
            }
            bias += maps;
            next[n] = el_compact_neuron(acc, row);
            row += 3U + lifts;
        }
        memcpy(&v[layer->to], next, layer->neurons * sizeof(int16_t));
        layer++;
    }
}
