/* SPDX-License-Identifier: 0BSD */
/* NUCLEO-H743ZI2: 400 MHz from the internal 64 MHz oscillator, caches on, and USART3 to the
 * ST-LINK. Sections are those of ST's RM0433. */
#include "board.h"
#include "cortex_m.h"

#define FLASH_ACR REGISTER(0x52002000)
#define PWR_CSR1 REGISTER(0x58024804)
#define PWR_CR3 REGISTER(0x5802480C)
#define PWR_D3CR REGISTER(0x58024818)
#define RCC_CR REGISTER(0x58024400)
#define RCC_CFGR REGISTER(0x58024410)
#define RCC_D1CFGR REGISTER(0x58024418)
#define RCC_D2CFGR REGISTER(0x5802441C)
#define RCC_D3CFGR REGISTER(0x58024420)
#define RCC_PLLCKSELR REGISTER(0x58024428)
#define RCC_PLLCFGR REGISTER(0x5802442C)
#define RCC_PLL1DIVR REGISTER(0x58024430)
#define RCC_AHB4ENR REGISTER(0x580244E0)
#define RCC_APB1LENR REGISTER(0x580244E8)
#define GPIOD_MODER REGISTER(0x58020C00)
#define GPIOD_PUPDR REGISTER(0x58020C0C)
#define GPIOD_AFRH REGISTER(0x58020C24)

enum { LDOEN = 1 << 1, ACTVOSRDY = 1 << 13, VOSRDY = 1 << 13 }; /* PWR */
#define VOS_SCALE1 (3u << 14)                                   /* D3CR */
enum { PLL1ON = 1 << 24, PLL1RDY = 1 << 25 };                   /* CR */
enum { SW_PLL1 = 3, SWS = 7 << 3, SWS_PLL1 = 3 << 3 };          /* CFGR */
enum { RGE_8_TO_16 = 3 << 2, DIVP1EN = 1 << 16 };               /* PLLCFGR */

#define SCB_CCR REGISTER(0xE000ED14)
#define SCB_ICIALLU REGISTER(0xE000EF50)
#define SCB_DCISW REGISTER(0xE000EF60)
#define SCB_CSSELR REGISTER(0xE000ED84)

enum { DCACHE_ON = 1 << 16, ICACHE_ON = 1 << 17 }; /* CCR */

/* The contents of the caches after a reset are undefined (Armv7-M ARM, B2.2.7). The data cache has
 * 16 KiB in 4 ways of 128 lines of 32 bytes; no DMA is in use that would bypass it. */
static void start_caches(void)
{
    SCB_ICIALLU = 0;
    SCB_CSSELR = 0;
    for (uint32_t way = 0; way < 4; way++) {
        for (uint32_t set = 0; set < 128; set++)
            SCB_DCISW = way << 30 | set << 5;
    }
    __asm__ volatile("dsb\n\tisb" ::: "memory");
    SCB_CCR |= ICACHE_ON | DCACHE_ON;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

void board_init(void)
{
    start_caches();

    /* 6.4.1: the first write selects the supply; then scale 1 for up to 400 MHz. */
    PWR_CR3 = LDOEN;
    while (!(PWR_CSR1 & ACTVOSRDY)) {
    }
    PWR_D3CR = VOS_SCALE1;
    while (!(PWR_D3CR & VOSRDY)) {
    }
    /* 4.3.8: 2 wait states and signal delay 2 for an AXI clock of up to 210 MHz. */
    FLASH_ACR = 2 << 4 | 2;
    while ((FLASH_ACR & 15) != 2) {
    }

    /* 8.7.10: 64 MHz / M 8 * N 100 / P 2 = 400 MHz; the VCO runs at 800 MHz. */
    RCC_PLLCKSELR = 8 << 4;
    RCC_PLLCFGR = RGE_8_TO_16 | DIVP1EN;
    RCC_PLL1DIVR = (100 - 1) | (2 - 1) << 9;
    RCC_CR |= PLL1ON;
    while (!(RCC_CR & PLL1RDY)) {
    }
    /* Buses: AXI and AHB at 200 MHz, half of the core's clock; each APB at half of that. */
    RCC_D1CFGR = 8 | 4 << 4;
    RCC_D2CFGR = 4 << 4 | 4 << 8;
    RCC_D3CFGR = 4 << 4;
    RCC_CFGR = SW_PLL1;
    while ((RCC_CFGR & SWS) != SWS_PLL1) {
    }

    /* PD8 is USART3_TX, PD9 USART3_RX (pulled up), both function 7. */
    RCC_AHB4ENR |= 1 << 3;
    RCC_APB1LENR |= 1 << 18;
    (void)RCC_APB1LENR; /* 8.5.11: the clock is on two cycles later */
    GPIOD_AFRH = (GPIOD_AFRH & ~0xFFu) | 0x77u;
    GPIOD_PUPDR = (GPIOD_PUPDR & ~(3u << 18)) | 1u << 18;
    GPIOD_MODER = (GPIOD_MODER & ~(15u << 16)) | 10u << 16;
}
