#include "elegans/el_timed_linear.h"

#include "elegans/el_dot.h"

#define EL_NAME el_timed_linear
#define EL_WEIGHT int16_t
#define EL_DOT el_dot
#include "elegans/el_timed_linear_body.h"
