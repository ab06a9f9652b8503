/* The model as the link sees it; device.c is made for each model. */
#ifndef DEVICE_H
#define DEVICE_H

#include "el_link.h"

extern const el_device device;

#endif
