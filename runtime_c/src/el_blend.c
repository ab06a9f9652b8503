/* The function of el_blend.h with external linkage, for tests. */
#define EL_INLINE
#include "elegans/el_blend.h"
