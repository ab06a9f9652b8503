#include "elegans/el_cfc_compact.h"

#include <string.h>

#include "elegans/el_dot.h"

#define EL_NAME el_cfc_compact
#define EL_WEIGHT int16_t
#define EL_DOT el_dot
#include "elegans/el_cfc_compact_body.h"
