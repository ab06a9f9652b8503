#include "elegans/el_cfc_compact8.h"

#include <string.h>

#include "elegans/el_dot.h"

#define EL_NAME el_cfc_compact8
#define EL_WEIGHT int8_t
#define EL_DOT el_dot8
#include "elegans/el_cfc_compact_body.h"
