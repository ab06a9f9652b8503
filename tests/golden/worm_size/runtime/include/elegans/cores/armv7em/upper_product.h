/* SPDX-License-Identifier: 0BSD */
/* el_upper_product by the 32 x 16 bit multiplication of the DSP instructions. */
#ifndef EL_CORE_UPPER_PRODUCT_H
#define EL_CORE_UPPER_PRODUCT_H

#include <stdint.h>

/* el_wide.h. */
#define EL_NATIVE_UPPER_PRODUCT
static inline int32_t el_upper_product(int32_t a, int16_t b)
{
    int32_t product;

    __asm__("smulwb %0, %1, %2" : "=r"(product) : "r"(a), "r"((int32_t)b));
    return product;
}

#endif
