/* SPDX-License-Identifier: 0BSD */
/* Raspberry Pi Pico (RP2040): 125 MHz from the 12 MHz crystal, and UART0 on GP0 and GP1.
 * Sections are those of the RP2040 datasheet. */
#include "board.h"
#include "cortex_m.h"

#define CLK_REF_CTRL REGISTER(0x40008030)
#define CLK_REF_SELECTED REGISTER(0x40008038)
#define CLK_SYS_CTRL REGISTER(0x4000803C)
#define CLK_SYS_SELECTED REGISTER(0x40008044)
#define CLK_PERI_CTRL REGISTER(0x40008048)
#define RESETS_RESET REGISTER(0x4000C000)
#define RESETS_DONE REGISTER(0x4000C008)
#define GPIO0_CTRL REGISTER(0x40014004)
#define GPIO1_CTRL REGISTER(0x4001400C)
#define XOSC_CTRL REGISTER(0x40024000)
#define XOSC_STATUS REGISTER(0x40024004)
#define XOSC_STARTUP REGISTER(0x4002400C)
#define PLL_CS REGISTER(0x40028000)
#define PLL_PWR REGISTER(0x40028004)
#define PLL_FBDIV REGISTER(0x40028008)
#define PLL_PRIM REGISTER(0x4002800C)

#define XOSC_ON (0xFABu << 12 | 0xAA0u)          /* XOSC_CTRL: enable, 1 to 15 MHz */
#define XOSC_STABLE (1u << 31)                   /* XOSC_STATUS */
#define PLL_LOCK (1u << 31)                      /* PLL_CS */
enum { PD = 1 << 0, POSTDIVPD = 1 << 3, VCOPD = 1 << 5 };   /* PLL_PWR: powered down */
enum { REF_XOSC = 2, SYS_REF = 0, SYS_AUX = 1 };            /* sources; aux is the PLL */
enum { PERI_ON = 1 << 11 };                                 /* CLK_PERI_CTRL: from clk_sys */
enum { IO_BANK0 = 1 << 5, PADS_BANK0 = 1 << 8, PLL_SYS = 1 << 12, UART0 = 1 << 22 };
enum { FUNCTION_UART = 2 };

/* 2.8.1.3: the boot ROM copies the first 256 bytes of the flash to RAM, checks the CRC-32 in
 * their last word, and runs them. This sets the flash up to be read in place with the plain
 * command 03h, which all flash chips support, and continues at the vector table behind it:
 *
 *     ldr r0, =0x18000000     XIP_SSI
 *     movs r1, #0
 *     str r1, [r0, #0x08]     SSIENR: off, to be set up
 *     movs r1, #4
 *     str r1, [r0, #0x14]     BAUDR: clk_sys / 4
 *     ldr r1, =0x001F0300     32 clocks a data frame, EEPROM read
 *     str r1, [r0, #0x00]     CTRLR0
 *     movs r1, #0
 *     str r1, [r0, #0x04]     CTRLR1: one frame a read
 *     ldr r1, =0x03000218     command 03h of 8 bits, 24 bits of address, one line
 *     ldr r2, =0x180000F4     SPI_CTRLR0
 *     str r1, [r2]
 *     movs r1, #1
 *     str r1, [r0, #0x08]     SSIENR: on
 *     ldr r0, =0x10000100     the vector table
 *     ldr r1, =0xE000ED08     VTOR
 *     str r0, [r1]
 *     ldmia r0!, {r1, r2}
 *     msr msp, r1
 *     bx r2
 *
 * tests/boards/firmware/test_boot_images.py assembles this comment and checks bytes and CRC. */
__attribute__((used, section(".boot2"))) static const uint32_t boot2[64] = {
    0x2100480A, 0x21046081, 0x49096141, 0x21006001, 0x49086041, 0x60114A08,
    0x60812101, 0x49084807, 0xC8066008, 0x8808F381, 0x00004710, 0x18000000,
    0x001F0300, 0x03000218, 0x180000F4, 0x10000100, 0xE000ED08,
    [63] = 0x6A98CD94,
};

static void release(uint32_t what)
{
    RESETS_RESET &= ~what;
    while ((RESETS_DONE & what) != what) {
    }
}

void board_init(void)
{
    /* A reset of the core alone leaves the clocks as they are: switch away from the PLL first. */
    CLK_SYS_CTRL = SYS_REF;
    while (!(CLK_SYS_SELECTED & 1u << SYS_REF)) {
    }
    XOSC_STARTUP = 47; /* 2.16.3: a millisecond, in 256 cycles of 12 MHz */
    XOSC_CTRL = XOSC_ON;
    while (!(XOSC_STATUS & XOSC_STABLE)) {
    }
    CLK_REF_CTRL = REF_XOSC;
    while (!(CLK_REF_SELECTED & 1u << REF_XOSC)) {
    }

    /* 2.18.2: 12 MHz * 125 / 6 / 2 = 125 MHz; the VCO runs at 1500 MHz. */
    RESETS_RESET |= PLL_SYS;
    release(PLL_SYS);
    PLL_CS = 1;
    PLL_FBDIV = 125;
    PLL_PWR &= ~(uint32_t)(PD | VCOPD);
    while (!(PLL_CS & PLL_LOCK)) {
    }
    PLL_PRIM = 6 << 16 | 2 << 12;
    PLL_PWR &= ~(uint32_t)POSTDIVPD;
    CLK_SYS_CTRL = SYS_AUX;
    while (!(CLK_SYS_SELECTED & 1u << SYS_AUX)) {
    }
    CLK_PERI_CTRL = PERI_ON;

    /* GP0 is UART0 TX, GP1 RX; their pads are enabled inputs after a reset. */
    release(IO_BANK0 | PADS_BANK0 | UART0);
    GPIO0_CTRL = FUNCTION_UART;
    GPIO1_CTRL = FUNCTION_UART;
}
