/* SPDX-License-Identifier: 0BSD */
/* STM32F429I-DISC1: 168 MHz from the 8 MHz crystal, and USART1 to the ST-LINK. Sections are
 * those of ST's RM0090. */
#include "board.h"
#include "cortex_m.h"

#define FLASH_ACR REGISTER(0x40023C00)
#define RCC_CR REGISTER(0x40023800)
#define RCC_PLLCFGR REGISTER(0x40023804)
#define RCC_CFGR REGISTER(0x40023808)
#define RCC_AHB1ENR REGISTER(0x40023830)
#define RCC_APB2ENR REGISTER(0x40023844)
#define GPIOA_MODER REGISTER(0x40020000)
#define GPIOA_PUPDR REGISTER(0x4002000C)
#define GPIOA_AFRH REGISTER(0x40020024)

enum { HSEON = 1 << 16, HSERDY = 1 << 17, PLLON = 1 << 24, PLLRDY = 1 << 25 }; /* CR */
enum { PLLSRC_HSE = 1 << 22 };                                                 /* PLLCFGR */
enum { SW_PLL = 2, SWS = 3 << 2, SWS_PLL = 2 << 2 };                           /* CFGR */
enum { WAIT_STATES = 5, PREFETCH = 1 << 8, CACHES = 3 << 9 };                  /* ACR */

void board_init(void)
{
    /* 3.5.1: 5 wait states above 150 MHz, at 2.7 to 3.6 V. */
    FLASH_ACR = WAIT_STATES | PREFETCH | CACHES;
    while ((FLASH_ACR & 15) != WAIT_STATES) {
    }

    RCC_CR |= HSEON;
    while (!(RCC_CR & HSERDY)) {
    }
    /* 6.3.2: 8 MHz / M 8 * N 336 / P 2 = 168 MHz, which needs no over-drive; Q is unused. */
    RCC_PLLCFGR = 8 | 336 << 6 | PLLSRC_HSE | 7 << 24;
    RCC_CR |= PLLON;
    while (!(RCC_CR & PLLRDY)) {
    }
    /* APB1 at a quarter, 42 MHz; APB2, with USART1, at a half, 84 MHz. */
    RCC_CFGR = 5 << 10 | 4 << 13;
    RCC_CFGR = 5 << 10 | 4 << 13 | SW_PLL;
    while ((RCC_CFGR & SWS) != SWS_PLL) {
    }

    /* PA9 is USART1_TX, PA10 USART1_RX (pulled up), both function 7. */
    RCC_AHB1ENR |= 1 << 0;
    RCC_APB2ENR |= 1 << 4;
    (void)RCC_APB2ENR; /* 6.3.18: the clock is on two cycles later */
    GPIOA_AFRH = (GPIOA_AFRH & ~0xFF0u) | 0x770u;
    GPIOA_PUPDR = (GPIOA_PUPDR & ~(3u << 20)) | 1u << 20;
    GPIOA_MODER = (GPIOA_MODER & ~(15u << 18)) | 10u << 18;
}
