/* SPDX-License-Identifier: 0BSD */
/* Raspberry Pi Pico 2 (RP2350, by its Arm or its RISC-V cores): 150 MHz from the 12 MHz crystal,
 * and UART0 on GP0 and GP1. Sections are those of the RP2350 datasheet. */
#include "board.h"
#include "core_registers.h"

#define CLK_REF_CTRL REGISTER(0x40010030)
#define CLK_REF_SELECTED REGISTER(0x40010038)
#define CLK_SYS_CTRL REGISTER(0x4001003C)
#define CLK_SYS_SELECTED REGISTER(0x40010044)
#define CLK_PERI_CTRL REGISTER(0x40010048)
#define RESETS_RESET REGISTER(0x40020000)
#define RESETS_DONE REGISTER(0x40020008)
#define GPIO0_CTRL REGISTER(0x40028004)
#define GPIO1_CTRL REGISTER(0x4002800C)
#define PAD_GPIO0 REGISTER(0x40038004)
#define PAD_GPIO1 REGISTER(0x40038008)
#define XOSC_CTRL REGISTER(0x40048000)
#define XOSC_STATUS REGISTER(0x40048004)
#define XOSC_STARTUP REGISTER(0x4004800C)
#define PLL_CS REGISTER(0x40050000)
#define PLL_PWR REGISTER(0x40050004)
#define PLL_FBDIV REGISTER(0x40050008)
#define PLL_PRIM REGISTER(0x4005000C)

#define XOSC_ON (0xFABu << 12 | 0xAA0u)          /* XOSC_CTRL: enable, 1 to 15 MHz */
#define XOSC_STABLE (1u << 31)                   /* XOSC_STATUS */
#define PLL_LOCK (1u << 31)                      /* PLL_CS */
enum { PD = 1 << 0, POSTDIVPD = 1 << 3, VCOPD = 1 << 5 };   /* PLL_PWR: powered down */
enum { REF_XOSC = 2, SYS_REF = 0, SYS_AUX = 1 };            /* sources; aux is the PLL */
enum { PERI_ON = 1 << 11 };                                 /* CLK_PERI_CTRL: from clk_sys */
enum { IO_BANK0 = 1 << 6, PADS_BANK0 = 1 << 9, PLL_SYS = 1 << 14, UART0 = 1 << 26 };
enum { FUNCTION_UART = 2 };
enum { INPUT = 1 << 6, PULL_UP = 1 << 3 }; /* pads; isolated (bit 8) from reset until written */

/* 5.9.5: without this block in the first 4 KiB the boot ROM treats the flash as empty. It declares
 * an executable for the cores of an RP2350 that this is compiled for (on Arm a secure one), and
 * that it is the only block. The ROM starts Arm cores by the vector table and RISC-V cores at the
 * first instruction, both at the beginning of the flash. */
#ifdef __riscv
#define IMAGE_TYPE 0x11010142
#else
#define IMAGE_TYPE 0x10210142
#endif
__attribute__((used, section(".image_def"))) static const uint32_t image_def[5] = {
    0xFFFFDED3, IMAGE_TYPE, 0x000001FF, 0x00000000, 0xAB123579,
};

static void release(uint32_t what)
{
    RESETS_RESET &= ~what;
    while ((RESETS_DONE & what) != what) {
    }
}

#ifdef __riscv
#define PSM_WDSEL REGISTER(0x40018008)
#define WATCHDOG_CTRL REGISTER(0x400D8000)
#define TRIGGER (1u << 31)
enum { ALL_BUT_OSCILLATORS = 0x1FFFFF3 }; /* PSM_WDSEL: what the watchdog resets */

void chip_reset(void)
{
    PSM_WDSEL = ALL_BUT_OSCILLATORS;
    WATCHDOG_CTRL |= TRIGGER;
    for (;;) {
    }
}
#endif

void board_init(void)
{
#ifdef __riscv
    CSR_WRITE("0x320", 0); /* 3.8.9: mcountinhibit stops mcycle after a reset */
#endif
    /* A reset of the core alone leaves the clocks as they are: switch away from the PLL first. */
    CLK_SYS_CTRL = SYS_REF;
    while (!(CLK_SYS_SELECTED & 1u << SYS_REF)) {
    }
    XOSC_STARTUP = 47; /* 8.2.4: a millisecond, in 256 cycles of 12 MHz */
    XOSC_CTRL = XOSC_ON;
    while (!(XOSC_STATUS & XOSC_STABLE)) {
    }
    CLK_REF_CTRL = REF_XOSC;
    while (!(CLK_REF_SELECTED & 1u << REF_XOSC)) {
    }

    /* 8.6.3: 12 MHz * 125 / 5 / 2 = 150 MHz; the VCO runs at 1500 MHz. */
    RESETS_RESET |= PLL_SYS;
    release(PLL_SYS);
    PLL_CS = 1;
    PLL_FBDIV = 125;
    PLL_PWR &= ~(uint32_t)(PD | VCOPD);
    while (!(PLL_CS & PLL_LOCK)) {
    }
    PLL_PRIM = 5 << 16 | 2 << 12;
    PLL_PWR &= ~(uint32_t)POSTDIVPD;
    CLK_SYS_CTRL = SYS_AUX;
    while (!(CLK_SYS_SELECTED & 1u << SYS_AUX)) {
    }
    CLK_PERI_CTRL = PERI_ON;

    /* GP0 is UART0 TX, GP1 RX. */
    release(IO_BANK0 | PADS_BANK0 | UART0);
    GPIO0_CTRL = FUNCTION_UART;
    GPIO1_CTRL = FUNCTION_UART;
    PAD_GPIO0 = INPUT;
    PAD_GPIO1 = INPUT | PULL_UP;
}
