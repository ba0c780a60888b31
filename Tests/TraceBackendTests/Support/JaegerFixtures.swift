/// Answers in the shape of Jaeger 2's HTTP API, version 3.
enum JaegerFixtures {
    /// ``OTLPRequests/golden`` as a trace.
    static let golden = """
        {"result":{"resourceSpans":[{"resource":{"attributes":\
        [{"key":"service.name","value":{"stringValue":"orders"}}]},\
        "scopeSpans":[{"schemaUrl":"https://opentelemetry.io/schemas/1.44.0",\
        "scope":{"name":"grpc","version":"1"},"spans":[\
        {"attributes":[{"key":"rpc.system.name","value":{"stringValue":"grpc"}},\
        {"key":"server.port","value":{"intValue":"50051"}},{"key":"b","value":{"boolValue":false}},\
        {"key":"e","value":{"stringValue":""}}],"endTimeUnixNano":"1700000000005000000",\
        "events":[{"name":"retry","timeUnixNano":"1700000000001000000"}],"flags":771,"kind":2,"name":"o.S/Get",\
        "parentSpanId":"1234567890123456","spanId":"00f067aa0ba902b7","startTimeUnixNano":"1700000000000000000",\
        "status":{"code":2,"message":"boom"},"traceId":"4bf92f3577b34da6a3ce929d0e0e4736"}]}]}]}}
        """

    static let summary = """
        {"summaries":[{"errorSpanCount":0,"maxEndTimeUnixNano":"2600","minStartTimeUnixNano":"2000",\
        "rootOperationName":"work","rootServiceName":"orders",\
        "services":[{"errorSpanCount":0,"name":"orders","spanCount":1},\
        {"errorSpanCount":0,"name":"users","spanCount":1}],\
        "spanCount":2,"traceId":"02020202020202020202020202020202"}]}
        """

    /// What other writers write: numbers where OTLP has texts, names where it has numbers, short and upper-case ids,
    /// every kind of attribute, fields that this reader does not know, empty objects.
    static let lenient = """
        {"result": {"resourceSpans": [
          {"resource": {}, "scopeSpans": [{"scope": {}, "spans": [
            {"traceId": "ABC", "spanId": "1", "name": "first", "kind": "SPAN_KIND_CONSUMER",
             "startTimeUnixNano": 1700000000000000001, "endTimeUnixNano": "1700000000000000009",
             "status": {"code": "STATUS_CODE_ERROR"}, "links": [{"traceId": "ABC", "spanId": "F"}, {"spanId": "1"}],
             "parentSpanId": "", "newField": {"a": [1]},
             "attributes": [
               {"key": "number", "value": {"intValue": -9223372036854775808}},
               {"key": "double", "value": {"doubleValue": "NaN"}},
               {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": "a"}, {"boolValue": true}]}}},
               {"key": "map", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"doubleValue": 1.5}}]}}},
               {"key": "bytes", "value": {"bytesValue": "AP8="}},
               {"key": "nothing", "value": {}}]},
            {"traceId": "abc", "spanId": "1", "name": "the same span again"}
          ]}]},
          {"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "users"}}]},
           "scopeSpans": [{"spans": [
            {"traceId": "abc", "spanId": "2", "parentSpanId": "1", "kind": 3, "startTimeUnixNano": null}]}]}
        ]}}
        """
}
