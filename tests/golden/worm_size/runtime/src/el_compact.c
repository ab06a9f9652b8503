/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_compact.h"

#include "elegans/el_mix.h"
#include "elegans/el_sigmoid.h"
#include "elegans/el_tanh.h"

/* Segments 0..31 of el_tanh_pieces, and 32, the mirror image of segment -32. */
static const el_piece half[33] = {
    {32768, 334954496}, {332863085, 326893449}, {650100731, 304348965},
    {938875460, 271187688}, {1191019208, 232324816}, {1403240444, 192347863},
    {1576435961, 154926834}, {1714242365, 121962265}, {1821706441, 94306114},
    {1904197556, 71892840}, {1966750037, 54263690}, {2013756947, 40632229},
    {2048832558, 30212027}, {2074869662, 22413260}, {2094120869, 16515033},
    {2108325761, 12189666}, {2118778797, 8978410}, {2126446512, 6553584},
    {2132082610, 4849652}, {2136210860, 3538936}, {2139238845, 2621434},
    {2141454550, 1900540}, {2143078127, 1376253}, {2144265239, 1048574},
    {2145146015, 720894}, {2145774344, 524287}, {2146246136, 393215},
    {2146591384, 327679}, {2146843128, 196607}, {2147012472, 196608},
    {2147156032, 131072}, {2147243354, 131075}, {2147385344, 0},
};

uint32_t el_compact_gather(int16_t *wired, const int16_t *x, const uint8_t *bits, uint32_t inputs)
{
    const int16_t *first = wired;
    const int16_t *end = &x[inputs];
    uint32_t left = 1; /* the bits to come, and above them a one that marks their end */

    do {
        if (left == 1U) {
            left = 256U | *bits++;
        }
        *wired = *x++;
        wired += left & 1U;
        left >>= 1;
    } while (x != end);
    return (uint32_t)(wired - first);
}

int32_t el_compact_tanh(int16_t u)
{
    const int32_t segment = u >> 10;
    const int32_t sign = segment >> 31; /* -1 in a negative segment, else 0 */
    const el_piece *p = &half[(segment ^ sign) - sign];
    const int32_t j = ((u & 1023) - 512) * 64;
    const int32_t bend = ((int16_t)(p->slope & 0xFFFF) ^ sign) - sign;
    const int32_t value = (p->value ^ sign) - sign + (sign & 65536);
    const int32_t slope = ((p->slope + 0x8000) & -65536) + bend + (bend * j);

    return value + ((slope >> 16) * j) + (((slope & 0xFFFF) * j) >> 16);
}

int16_t el_compact_neuron(int32_t acc[4], const uint8_t shift[3])
{
    /* el_linear and el_tanh in turn saturate twice, before and after half a segment is added. To
     * saturate once gives another u in segment -32 only, whose slope is 0: the same tanh. */
    for (uint32_t i = 0; i < 3U; i++) {
        acc[i] = el_compact_tanh(el_half_segment_on(el_rshr(acc[i], shift[i])));
    }
    return el_mix1((int16_t)(acc[0] >> 16), (int16_t)(acc[1] >> 16),
                   (int16_t)(((acc[2] >> 1) + EL_SIGMOID_HALF) >> 16));
}
