#ifndef CONTRAIL_CLIBFUZZER_SHIM_H
#define CONTRAIL_CLIBFUZZER_SHIM_H

#include <stddef.h>
#include <stdint.h>

/// libFuzzer's own `main`, for programs that have one; the compiler's runtime brings it, but no header.
int LLVMFuzzerRunDriver(int *count, char ***arguments, int (*callback)(const uint8_t *bytes, size_t count));

#endif
