#include "elegans/el_linear8.h"

#include "elegans/el_dot.h"

#define EL_NAME el_linear8
#define EL_WEIGHT int8_t
#define EL_DOT el_dot8
#include "elegans/el_linear_body.h"
