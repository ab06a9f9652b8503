/* Says of blocks whether they are accepted, and computes with those that are.
 *
 * Standard input, little-endian: steps (4 bytes), then for each step x and dt; then blocks: their
 * length and how far behind a multiple of 8 they shall lie (4 bytes each), and their bytes. Standard
 * output, for each block: the verdict, and y and the states of each step, 2 bytes each. With WIDE
 * states have 4 bytes, and elapsed times are the upper halves of theirs. */
#include <stdio.h>
#include <stdlib.h>

#include "worm_weights.h"

enum { GIVEN = WORM_INPUTS + 1 };

int main(void)
{
    uint32_t steps, place[2];
    int16_t *given;

    if (fread(&steps, sizeof steps, 1, stdin) != 1)
        return 1;
    given = malloc((steps + 1U) * GIVEN * sizeof *given);
    if (given == NULL || fread(given, sizeof *given * GIVEN, steps, stdin) != steps)
        return 1;
    while (fread(place, sizeof place, 1, stdin) == 1) {
        /* Of exactly this size, so that a sanitizer finds each byte that is read beyond. */
        unsigned char *memory = malloc((size_t)place[0] + place[1] + (place[0] == 0U));
        const worm_weights *weights = NULL;
        worm_state state;
        int16_t verdict;

        if (memory == NULL || fread(&memory[place[1]], 1, place[0], stdin) != place[0])
            return 1;
        verdict = (int16_t)worm_accept(&weights, &memory[place[1]], place[0]);
        if ((verdict == EL_BLOCK_ACCEPTED) != (weights != NULL))
            return 1;
        worm_init(&state, weights);
        fwrite(&verdict, sizeof verdict, 1, stdout);
        for (uint32_t t = 0; t < steps; t++) {
            int16_t y[WORM_OUTPUTS];

#ifdef WIDE
            int32_t h[WORM_STATES];

            worm_step(&state, y, &given[t * GIVEN], given[(t * GIVEN) + WORM_INPUTS] * 65536);
            fwrite(y, sizeof y, 1, stdout);
            worm_get_h(&state, h);
            fwrite(h, sizeof h, 1, stdout);
#else
            worm_step(&state, y, &given[t * GIVEN], given[(t * GIVEN) + WORM_INPUTS]);
            fwrite(y, sizeof y, 1, stdout);
            fwrite(worm_h(&state), sizeof(int16_t), WORM_STATES, stdout);
#endif
        }
        free(memory);
    }
    free(given);
    return fflush(stdout) == 0 ? 0 : 1;
}
