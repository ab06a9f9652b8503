/* An emulated UART, as uart_model.py has it, for unicorn's accesses to memory-mapped registers.
 *
 * The firmware accesses its UART twice a byte. In Python that would be most of what an emulated
 * board costs. */
#include <stdint.h>

enum { ROOM = 4096, PAGE = 4096 };

/* The registers are offsets from the UART's base, which lies `base` bytes from the start of its
 * page; one that the UART does not have is beyond the page. */
typedef struct {
    uint32_t base, rx, tx, status, empty, full, ready, hidden, hidden_bit;
    uint32_t received_count, taken, sent_count;
    void (*on_full)(void); /* takes the sent bytes, of which there are ROOM */
    const uint8_t *received;
    uint8_t sent[ROOM];
    uint32_t values[PAGE];
} uart_model;

uint64_t uart_read(void *cpu, uint64_t offset, unsigned size, void *given)
{
    uart_model *uart = given;
    uint32_t at = ((uint32_t)offset - uart->base) % PAGE;
    int waits = uart->taken < uart->received_count;

    (void)cpu, (void)size;
    if (at == uart->rx && waits)
        return uart->received[uart->taken++];
    if (at == uart->status)
        return waits ? uart->full : uart->empty;
    return at == uart->ready ? 1 : uart->values[at];
}

void uart_write(void *cpu, uint64_t offset, unsigned size, uint64_t value, void *given)
{
    uart_model *uart = given;
    uint32_t at = ((uint32_t)offset - uart->base) % PAGE;

    (void)cpu, (void)size;
    if (at < 2 && uart->hidden < PAGE && (uart->values[uart->hidden] & uart->hidden_bit))
        return;
    if (at != uart->tx) {
        uart->values[at] = (uint32_t)value;
        return;
    }
    uart->sent[uart->sent_count++] = (uint8_t)value;
    if (uart->sent_count == ROOM)
        uart->on_full();
}
