#include "elegans/el_cfc_compact8.h"

#include <string.h>

void el_cfc_compact8(int16_t *v, int16_t *next, const int16_t *dt,
                     const el_compact_layer *layer, uint32_t layers,
                     const int8_t *w, const int32_t *bias, const uint8_t *shift, uint32_t maps)
{
    for (; layers > 0U; layers--) {
        for (uint32_t n = 0; n < layer->neurons; n++) {
            int32_t acc[4];

            for (uint32_t m = 0; m < maps; m++) {
                int32_t sum = *bias++;
                for (uint32_t i = 0; i < layer->inputs; i++) {
                    sum += (int32_t)*w++ * v[layer->from + i];
                }
                acc[m] = sum;
            }
            if (maps == 4U) {
                acc[2] += el_rshr(acc[3], 16) * dt[0];
            }
            next[n] = el_compact_neuron(acc, shift);
            shift += 3;
        }
        memcpy(&v[layer->to], next, layer->neurons * sizeof(int16_t));
        layer++;
    }
}
