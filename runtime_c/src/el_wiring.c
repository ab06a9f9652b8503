/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_wiring.h"

#include "elegans/el_unfolds.h"

typedef struct {
    const int32_t *w;
    const uint16_t *wired;
    uint32_t different;
} el_wiring_place;

/* How a synapse names its potential, or its input. */
static int32_t el_wiring_at(uint16_t index, uint32_t potentials)
{
    const int32_t at = index;

    return (potentials != 0U) ? EL_POTENTIAL(at) : EL_INPUT(at);
}

/* The words of a list of synapses, after their number of rounds. A core whose synapses are two by
 * two reads for the second of an odd number what place 0 has. */
static void el_wiring_list(el_wiring_place *p, uint32_t potentials)
{
    static const int32_t reads[] = {EL_SYNAPSES2(0, 0, 1, 0, 0, 0, 0, 2, 0, 0)};
    uint32_t left = *p->wired;

    p->wired = &p->wired[1];
    p->different |= (uint32_t)(*p->w ^ (int32_t)EL_ROUNDS((int32_t)left));
    p->w = &p->w[1];
    while (left > 0U) {
        const uint32_t now = (left > 1U) ? 2U : 1U;
        const uint32_t words = (left > 1U) ? EL_SYNAPSES2_WORDS : EL_SYNAPSES1_WORDS;
        const int32_t first = el_wiring_at(p->wired[0], potentials);
        const int32_t second = (left > 1U) ? el_wiring_at(p->wired[1], potentials) : 0;

        for (uint32_t i = 0; i < words; i++) {
            if (reads[i] != 0) {
                p->different |= (uint32_t)(p->w[i] ^ ((reads[i] == 1) ? first : second));
            }
        }
        p->w = &p->w[words];
        p->wired = &p->wired[now];
        left -= now;
    }
}

uint32_t el_wiring(const int32_t *w, const uint16_t *wired, uint32_t scales, uint32_t still,
                   uint32_t neurons)
{
    el_wiring_place p = {w, wired, 0};

    for (uint32_t scale = 0; scale < scales; scale++) {
        for (uint32_t k = 0; k < neurons; k++) {
            p.w = &p.w[(scale == 0U) ? 2 : 0]; /* the biases */
            el_wiring_list(&p, 0U);
        }
    }
    for (uint32_t k = 0; k < neurons; k++) {
        if (k >= still) {
            el_wiring_list(&p, 1U);
        }
        p.different |= (uint32_t)p.w[5] ^ (4U * k);
        p.w = &p.w[EL_NEURON_WORDS];
    }
    return p.different;
}
