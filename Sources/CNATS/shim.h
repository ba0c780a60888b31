// The NATS client library for C (libnats), imported by the target JetStream only.
//
// No inline wrappers are needed: nothing that JetStream calls is variadic or a macro.
#pragma once

#include <nats/nats.h>
