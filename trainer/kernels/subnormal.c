/* Gradients that vanish over a long sequence pass through subnormal numbers (below 1.2e-38), with
 * which processors are many times slower; they count as 0 here. */

#include "lanes.h"

#if defined(__SSE__)

#include <xmmintrin.h>

typedef unsigned int Mode;
static Mode mode(void) { return _mm_getcsr(); }
static void set_mode(Mode mode) { _mm_setcsr(mode); }
#define WITHOUT_SUBNORMALS 0x8040u /* results (FTZ) and operands (DAZ) */

#elif defined(__aarch64__)

typedef uint64_t Mode;
static Mode mode(void)
{
    Mode value;
    __asm__ volatile("mrs %0, fpcr" : "=r"(value));
    return value;
}
static void set_mode(Mode mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
#define WITHOUT_SUBNORMALS ((Mode)1 << 24)

#else

typedef int Mode;
static Mode mode(void) { return 0; }
static void set_mode(Mode mode) { (void)mode; }
#define WITHOUT_SUBNORMALS 0

#endif

/* run(call); the floats of the caller stay what they were. */
void without_subnormals(void (*run)(const Call *call), const Call *call)
{
    const Mode before = mode();
    set_mode(before | WITHOUT_SUBNORMALS);
    run(call);
    set_mode(before);
}
