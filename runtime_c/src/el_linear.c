#include "elegans/el_linear.h"

#include "elegans/el_dot.h"

#define EL_NAME el_linear
#define EL_WEIGHT int16_t
#define EL_DOT el_dot
#include "elegans/el_linear_body.h"
