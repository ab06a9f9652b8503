/* SPDX-License-Identifier: 0BSD */
/* BBC micro:bit v2 (nRF52833): the 32 MHz crystal, and UART0 to the interface chip. The
 * core runs at 64 MHz without set-up; a UART needs the crystal, since the internal oscillator may
 * deviate by 6 %. */
#include "board.h"
#include "config.h"
#include "cortex_m.h"

#define HFCLK_START REGISTER(0x40000000)
#define HFCLK_STARTED REGISTER(0x40000100)
#define APPROTECT_DISABLE REGISTER(0x40000558)
#define TX_PORT 0x50000000u
#define RX_PORT 0x50000300u
#define OUTSET(port) REGISTER((port) + 0x508)
#define PIN_CNF(port, pin) REGISTER((port) + 0x700 + 4 * (pin))
#define PSEL_TXD REGISTER(BOARD_UART_BASE + 0x50C)
#define PSEL_RXD REGISTER(BOARD_UART_BASE + 0x514)

enum { TX_PIN = 6, RX_PIN = 8 };
enum { OUTPUT = 3, INPUT_PULLED_UP = 3 << 2 }; /* PIN_CNF */
enum { SW_DISABLE = 0x5A };                    /* APPROTECT.DISABLE */

void board_init(void)
{
    /* Chips of 2021 and later disable the debug port at reset unless the firmware enables it. */
    APPROTECT_DISABLE = SW_DISABLE;

    HFCLK_STARTED = 0;
    HFCLK_START = 1;
    while (!HFCLK_STARTED) {
    }

    /* TX P0.06 is high when idle, RX P1.08 is pulled up while nobody drives it. */
    OUTSET(TX_PORT) = 1u << TX_PIN;
    PIN_CNF(TX_PORT, TX_PIN) = OUTPUT;
    PIN_CNF(RX_PORT, RX_PIN) = INPUT_PULLED_UP;
    PSEL_TXD = TX_PIN;
    PSEL_RXD = 32 + 8;
}
