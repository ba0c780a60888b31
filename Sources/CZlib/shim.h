#ifndef CONTRAIL_CZLIB_SHIM_H
#define CONTRAIL_CZLIB_SHIM_H

#include <zlib.h>

/// Prepares a stream that writes the gzip format. `deflateInit2` is a macro, which Swift does not see.
static inline int czlib_gzip_init(z_stream *stream, int level) {
    // 15 is the largest window; 16 on top of it asks for a gzip header instead of a zlib one.
    return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}

#endif
