/* SPDX-License-Identifier: 0BSD */
/* The model as el_link.h describes one. device.c is generated for each model. */
#ifndef DEVICE_H
#define DEVICE_H

#include "el_link.h"

extern const el_device device;

#endif
