internal import CCurl

/// A libcurl multi handle: runs a transfer so that another thread can end the wait.
///
/// `@unchecked Sendable`: ``wakeUp()`` is the only method for other threads, and `curl_multi_wakeup` is documented to
/// be safe there while the handle lives, which this object's lifetime ensures. All other methods are for
/// the one thread that holds the exporter's lock.
final class CurlMulti: @unchecked Sendable {
    private let handle: UnsafeMutableRawPointer

    /// Once in a process, before anything else of libcurl.
    private static let isStarted = ccurl_global_init() == CURLE_OK

    init() throws(OTLPExporterError) {
        guard Self.isStarted, let handle = curl_multi_init() else {
            throw .unavailable("libcurl could not be started")
        }
        self.handle = handle
    }

    deinit {
        curl_multi_cleanup(handle)
    }

    /// Ends a running or the next ``wait(until:)``. For any thread.
    func wakeUp() {
        curl_multi_wakeup(handle)
    }

    /// Waits for network activity of a running transfer, a wake-up or a point in time.
    func wait(until instant: ContinuousClock.Instant) {
        let remaining = instant - ContinuousClock.now
        guard remaining > .zero else { return }
        // Rounded up, so that the time has come afterwards; at most a minute, the callers look again anyway.
        let milliseconds = min(Int32(min(remaining, .seconds(60)) / .milliseconds(1)) + 1, 60_000)
        curl_multi_poll(handle, nil, 0, milliseconds, nil)
    }

    /// Runs a transfer to its end, or until a time that is asked for after each wake-up.
    ///
    /// - Parameters:
    ///   - easy: The prepared transfer.
    ///   - deadline: Until when it may go on.
    /// - Returns: libcurl's result, or `nil` when the time was up; the connection is closed then.
    func perform(_ easy: UnsafeMutableRawPointer, until deadline: () -> ContinuousClock.Instant) -> CURLcode? {
        guard curl_multi_add_handle(handle, easy) == CURLM_OK else { return CURLE_FAILED_INIT }
        defer { curl_multi_remove_handle(handle, easy) }
        var running: Int32 = 0
        while true {
            guard curl_multi_perform(handle, &running) == CURLM_OK else { return CURLE_FAILED_INIT }
            var result = CURLE_OK
            if ccurl_multi_next_done(handle, &result) != nil { return result }
            let end = deadline()
            guard ContinuousClock.now < end else { return nil }
            wait(until: end)
        }
    }
}
