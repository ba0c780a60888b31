/// What Alertmanager and Prometheus send.
enum Bodies {
    static func traceID(_ number: Int) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 32 - digits.count) + digits
    }

    /// An alert as Alertmanager 0.25 writes it.
    static func alert(
        _ name: String = "NotificationsLate",
        status: String = "firing",
        startsAt: String = "2026-11-21T13:00:05.123456789Z",
        annotations: String = #""summary":"late","exemplar_query":"x_seconds_bucket","cause_query":"causes""#
    ) -> String {
        """
        {"status":"\(status)","labels":{"alertname":"\(name)","severity":"page"},"annotations":{\(annotations)},\
        "startsAt":"\(startsAt)","endsAt":"0001-01-01T00:00:00Z",\
        "generatorURL":"http://prometheus:9090/graph?g0.expr=a\\u0026g0.tab=1","fingerprint":"0b7a7e0ce0b9e2c5"}
        """
    }

    /// A notification as Alertmanager 0.25 writes it, and a member that it does not know.
    static func notification(_ alerts: [String], common: String = #"{"summary":"late"}"#) -> [UInt8] {
        Array(
            """
            {"receiver":"enricher","status":"firing","alerts":[\(alerts.joined(separator: ","))],\
            "groupLabels":{"service":"notifications"},"commonLabels":{"severity":"page"},\
            "commonAnnotations":\(common),"externalURL":"http://alertmanager:9093","version":"4",\
            "groupKey":"{}:{service=\\"notifications\\"}","truncatedAlerts":0,"novelty":[12345678901234567890,1.50,1e400]}
            """.utf8
        )
    }

    /// An answer of `/api/v1/query_exemplars`.
    static func exemplars(_ exemplars: [String], of name: String = "x_seconds_bucket") -> [UInt8] {
        Array(
            """
            {"status":"success","data":[{"seriesLabels":{"__name__":"\(name)","le":"5.0"},\
            "exemplars":[\(exemplars.joined(separator: ","))]}]}
            """.utf8
        )
    }

    static func exemplar(_ trace: Int, _ value: String, at time: Double = 1_795_266_000) -> String {
        """
        {"labels":{"span_id":"0102030405060708","trace_id":"\(traceID(trace))"},"value":"\(value)","timestamp":\(time)}
        """
    }

    /// An answer of `/api/v1/query`: a vector of labels and values.
    static func vector(_ samples: [(labels: String, value: String)]) -> [UInt8] {
        let result = samples.map { #"{"metric":{\#($0.labels)},"value":[1795266000.123,"\#($0.value)"]}"# }
        return Array(
            #"{"status":"success","data":{"resultType":"vector","result":[\#(result.joined(separator: ","))]}}"#.utf8
        )
    }
}
