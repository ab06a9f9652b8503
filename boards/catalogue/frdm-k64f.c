/* SPDX-License-Identifier: 0BSD */
/* FRDM-K64F: 120 MHz from the 50 MHz clock of the Ethernet PHY, and UART0 to the debug
 * chip. Sections are those of NXP's K64P144M120SF5RM. */
#include "board.h"
#include "cortex_m.h"

#define REGISTER8(address) (*(volatile uint8_t *)(address))
#define REGISTER16(address) (*(volatile uint16_t *)(address))

#define WDOG_STCTRLH REGISTER16(0x40052000)
#define WDOG_UNLOCK REGISTER16(0x4005200E)
#define SIM_SCGC4 REGISTER(0x40048034)
#define SIM_SCGC5 REGISTER(0x40048038)
#define SIM_CLKDIV1 REGISTER(0x40048044)
#define PORTB_PCR16 REGISTER(0x4004A040)
#define PORTB_PCR17 REGISTER(0x4004A044)
#define MCG_C1 REGISTER8(0x40064000)
#define MCG_C2 REGISTER8(0x40064001)
#define MCG_C5 REGISTER8(0x40064004)
#define MCG_C6 REGISTER8(0x40064005)
#define MCG_S REGISTER8(0x40064006)

enum { WDOG_OFF = 0x01D2 };                                   /* its reset value without WDOGEN */
enum { RANGE_VERY_HIGH = 2 << 4 };                            /* C2: EREFS 0, a clock, no crystal */
enum { CLKS_EXTERNAL = 2 << 6, FRDIV_1536 = 7 << 3 };         /* C1 */
enum { PLLS = 1 << 6 };                                       /* C6 */
enum { CLKST = 3 << 2, IREFST = 1 << 4, PLLST = 1 << 5, LOCK = 1 << 6 }; /* S */

/* 29.3.1: the flash configuration field. 0xFE in its 13th byte leaves the chip unsecured:
 * another value could lock it permanently. */
__attribute__((used, section(".flash_config"))) static const uint8_t flash_config[16] = {
    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, /* back-door key */
    0xFF, 0xFF, 0xFF, 0xFF,                         /* nothing is protected */
    0xFE, 0xFF, 0xFF, 0xFF,                         /* unsecured, options, no EEPROM */
};

void board_init(void)
{
    /* 24.3.1: both keys within 20 bus cycles. The watchdog runs from reset on. */
    WDOG_UNLOCK = 0xC520;
    WDOG_UNLOCK = 0xD928;
    WDOG_STCTRLH = WDOG_OFF;

    /* 12.2.17: core 120 MHz, bus 60, FlexBus 40, flash 24, before the clock rises. */
    SIM_CLKDIV1 = 0u << 28 | 1u << 24 | 2u << 20 | 4u << 16;
    /* 25.4.1: from the FLL with the internal clock to the bypassed FLL (FBE), */
    MCG_C2 = RANGE_VERY_HIGH;
    MCG_C1 = CLKS_EXTERNAL | FRDIV_1536;
    while ((MCG_S & IREFST) || (MCG_S & CLKST) != 2 << 2) {
    }
    /* then to the bypassed PLL (PBE), 50 MHz / 20 * 48 = 120 MHz, */
    MCG_C5 = 20 - 1;
    MCG_C6 = PLLS | (48 - 24);
    while (!(MCG_S & PLLST) || !(MCG_S & LOCK)) {
    }
    /* and to the PLL (PEE). */
    MCG_C1 = FRDIV_1536;
    while ((MCG_S & CLKST) != CLKST) {
    }

    /* PTB16 is UART0_RX (pulled up), PTB17 UART0_TX, both alternative 3. */
    SIM_SCGC4 |= 1 << 10;
    SIM_SCGC5 |= 1 << 10;
    PORTB_PCR16 = 3 << 8 | 3;
    PORTB_PCR17 = 3 << 8;
}
