#ifndef CONTRAIL_CPROTOBUFC_SHIM_H
#define CONTRAIL_CPROTOBUFC_SHIM_H

#include <protobuf-c/protobuf-c.h>

#endif
