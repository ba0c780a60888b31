internal import CCurl

/// A libcurl multi handle: runs transfers on one thread.
///
/// `@unchecked Sendable`: ``wakeUp()`` is the only method for other threads, and `curl_multi_wakeup` is documented to
/// be safe there while the handle lives, which this object's lifetime ensures. All other methods are for
/// the client's thread.
final class CurlMulti: @unchecked Sendable {
    private let handle: UnsafeMutableRawPointer

    /// Once in a process, before anything else of libcurl.
    private static let isStarted = ccurl_global_init() == CURLE_OK

    init(_ configuration: CurlClient.Configuration) throws(CurlError) {
        guard Self.isStarted, let handle = curl_multi_init() else {
            throw CurlError(.unavailable, "libcurl could not be started")
        }
        self.handle = handle
        ccurl_multi_set_long(handle, CURLMOPT_MAX_HOST_CONNECTIONS, configuration.maximumConnectionsPerHost)
        ccurl_multi_set_long(handle, CURLMOPT_MAX_TOTAL_CONNECTIONS, configuration.maximumConnections)
    }

    deinit {
        curl_multi_cleanup(handle)
    }

    /// Ends a running or the next ``wait()``. For any thread.
    func wakeUp() {
        curl_multi_wakeup(handle)
    }

    func add(_ easy: CurlEasy) -> Bool {
        curl_multi_add_handle(handle, easy.handle) == CURLM_OK
    }

    /// Ends a transfer that has not ended, and closes its connection then.
    func remove(_ easy: CurlEasy) {
        curl_multi_remove_handle(handle, easy.handle)
    }

    /// Does what can be done without waiting.
    ///
    /// - Parameter ended: Receives each transfer that has ended, with its result.
    func perform(ended: (UnsafeMutableRawPointer, CURLcode) -> Void) {
        var running: Int32 = 0
        curl_multi_perform(handle, &running)
        var result = CURLE_OK
        while let easy = ccurl_multi_next_done(handle, &result) { ended(easy, result) }
    }

    /// Waits for network activity, one of libcurl's own time-outs or a wake-up.
    func wait() {
        // Transfers make libcurl cut the wait to their next time-out; a minute is for when there are none.
        curl_multi_poll(handle, nil, 0, 60_000, nil)
    }
}
