/* SPDX-License-Identifier: 0BSD */
/* NUCLEO-L432KC: 80 MHz from the internal 16 MHz oscillator, and USART2 to the ST-LINK.
 * Sections are those of ST's RM0394. */
#include "board.h"
#include "cortex_m.h"

#define FLASH_ACR REGISTER(0x40022000)
#define RCC_CR REGISTER(0x40021000)
#define RCC_CFGR REGISTER(0x40021008)
#define RCC_PLLCFGR REGISTER(0x4002100C)
#define RCC_AHB2ENR REGISTER(0x4002104C)
#define RCC_APB1ENR1 REGISTER(0x40021058)
#define GPIOA_MODER REGISTER(0x48000000)
#define GPIOA_PUPDR REGISTER(0x4800000C)
#define GPIOA_AFRL REGISTER(0x48000020)
#define GPIOA_AFRH REGISTER(0x48000024)

enum { HSION = 1 << 8, HSIRDY = 1 << 10, PLLON = 1 << 24, PLLRDY = 1 << 25 }; /* CR */
enum { SW_PLL = 3, SWS = 3 << 2, SWS_PLL = 3 << 2 };                          /* CFGR */
enum { PLLSRC_HSI16 = 2, PLLREN = 1 << 24 };                                  /* PLLCFGR */
enum { WAIT_STATES = 4, PREFETCH = 1 << 8, CACHES = 3 << 9 };                 /* ACR */

void board_init(void)
{
    /* 3.3.3: above 64 MHz, in range 1 (the one after a reset), the flash needs 4 wait states. */
    FLASH_ACR = WAIT_STATES | PREFETCH | CACHES;
    while ((FLASH_ACR & 7) != WAIT_STATES) {
    }

    RCC_CR |= HSION;
    while (!(RCC_CR & HSIRDY)) {
    }
    /* 6.4.4: 16 MHz / M 1 * N 10 / R 2 = 80 MHz. */
    RCC_PLLCFGR = PLLSRC_HSI16 | 10 << 8 | PLLREN;
    RCC_CR |= PLLON;
    while (!(RCC_CR & PLLRDY)) {
    }
    RCC_CFGR = SW_PLL;
    while ((RCC_CFGR & SWS) != SWS_PLL) {
    }

    /* PA2 is USART2_TX (function 7), PA15 USART2_RX (function 3, pulled up). */
    RCC_AHB2ENR |= 1 << 0;
    RCC_APB1ENR1 |= 1 << 17;
    (void)RCC_APB1ENR1; /* 6.2.17: the clock is on two cycles later */
    GPIOA_AFRL = (GPIOA_AFRL & ~(15u << 8)) | 7u << 8;
    GPIOA_AFRH = (GPIOA_AFRH & ~(15u << 28)) | 3u << 28;
    GPIOA_PUPDR = (GPIOA_PUPDR & ~(3u << 30)) | 1u << 30;
    GPIOA_MODER = (GPIOA_MODER & ~(3u << 4 | 3u << 30)) | 2u << 4 | 2u << 30;
}
