/// Renderings that a person has looked at.
enum RendererGoldens {
    static let trace = """
        trace 4bf92f3577b34da6a3ce929d0e0e4736  2023-11-14T22:13:20.000Z
        160 ms · 24 spans · 4 services · 2 errors

        SERVICE        SPAN                                     KIND         START  DURATION  0 ─────────────── 160 ms
        contrail       contrail demo                            internal         0   6.00 ms  █
        contrail       └─ OrderService/CreateOrder              client      200 µs   5.60 ms  █
        orders            └─ OrderService/CreateOrder           server     1.00 ms   4.50 ms  █
        orders               ├─ UserService/GetUser             client     1.20 ms   2.00 ms  ▏
        users                │  └─ UserService/GetUser          server     1.50 ms   1.50 ms  ▏
        users                │     └─ SELECT users              client     1.70 ms   1.00 ms  ▏
        orders               ├─ INSERT events outbox            client     3.40 ms   1.60 ms  ▏
        orders               ├─ outbox wait                     internal   5.00 ms   1.50 ms  ▏
        orders               └─ publish order.created           producer   6.50 ms   1.70 ms  ▏
        notifications           ├─ stream wait                  internal   8.00 ms    600 µs   ▏
        notifications           ├─ ✗ process order.created      consumer   8.60 ms   31.0 ms   █████
        notifications           │  ├─ UserService/GetUser       client     9.10 ms   2.00 ms   █
        users                   │  │  └─ UserService/GetUser    server     9.40 ms   1.50 ms   █
        users                   │  │     └─ SELECT users        client     9.60 ms   1.00 ms   █
        notifications           │  └─ ✗ deliver smtp  450 4.7…  client     11.6 ms   28.0 ms    ████
        notifications           ├─ redelivery wait              internal   39.6 ms    100 ms        ░░░░░░░░░░░░░░░
        notifications           └─ process order.created        consumer    140 ms   20.0 ms                       ███
        notifications              ├─ UserService/GetUser       client      140 ms   2.00 ms                       ▏
        users                      │  └─ UserService/GetUser    server      140 ms   1.50 ms                       ▏
        users                      │     └─ SELECT users        client      141 ms   1.00 ms                       ▏
        notifications              ├─ deliver smtp              client      143 ms   12.0 ms                       ██
        notifications              └─ record                    internal    155 ms   5.00 ms                         █
        notifications                 ├─ INSERT notifications   client      155 ms   2.80 ms                         █
        notifications                 └─ ack order.created      client      158 ms   1.80 ms                         ▏

        """

    static let journey = """
        order.created  0190f3c8-5d2e-7c11-9a55-3b1e0c9d7f01
        trace 4bf92f3577b34da6a3ce929d0e0e4736
        end to end 159 ms · longest stage redelivery_wait, 63.1 % · 2 attempts

        STAGE               START  DURATION    SHARE  0 ───────────────────────────────────────────── 159 ms
        accept                  0   4.00 ms    2.5 %  █
        outbox_wait       4.00 ms   1.50 ms    0.9 %   ░
        publish           5.50 ms   1.50 ms    0.9 %   ▏
        stream_wait       7.00 ms    600 µs    0.4 %    ░
        redelivery_wait   38.6 ms    100 ms   63.1 %               ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
        lookup ×2         8.10 ms   4.00 ms    2.5 %    ▏                                            █
        deliver ×2        10.6 ms   40.0 ms   25.2 %      █████████                                   ████
        record             154 ms   5.00 ms    3.2 %                                                      ██
        other             7.60 ms   2.00 ms    1.3 %    ▏░                                           ▏▏
        total                        159 ms

        attempts
           1  at  7.60 ms  took  31.0 ms  ✗ 450 4.7.1 greylisted, try again later
           2  at   139 ms  took  20.0 ms  ✓

        """

    static let narrow = """
        trace 4bf92f3577b34da6a3ce929d0e0e4736  2023-11-14T22:13:19.958Z
        49.6 ms · 17 spans · 4 services · 4 problems

        SERVICE        SPAN                                 KIND         START  DURATION
        contrail       OrderService/CreateOrder             client     41.6 ms   5.60 ms
        orders         └─ OrderService/CreateOrder          server     42.4 ms   4.50 ms
        orders            ├─ UserService/GetUser            client     42.6 ms   2.00 ms
        users             │  └─ UserService/GetUser         server     42.9 ms   1.50 ms
        users             │     └─ SELECT users             client     43.1 ms   1.00 ms
        orders            ├─ INSERT events outbox           client     44.8 ms   1.60 ms
        orders            ├─ outbox wait                    internal   46.4 ms   1.50 ms
        orders            └─ publish order.created          producer   47.9 ms   1.70 ms
        notifications        ├─ process order.created       consumer         0   20.0 ms
        notifications        │  ├─ UserService/GetUser      client      500 µs   2.00 ms
        users                │  │  └─ UserService/GetUser   server      800 µs   1.50 ms
        users                │  │     └─ SELECT users       client     1.00 ms   1.00 ms
        notifications        │  ├─ deliver smtp             client     3.00 ms   12.0 ms
        notifications        │  └─ record                   internal   15.0 ms   5.00 ms
        notifications        │     ├─ INSERT notifications  client     15.2 ms   2.80 ms
        notifications        │     └─ ack order.created     client     18.1 ms   1.80 ms
        notifications        └─ stream wait                 internal   49.4 ms         0

        problems
          • no root span
          • orphan span `contrail.orders.v1.OrderService/CreateOrder` of contrail: its
            parent 0000000000000001 is not in the trace
          • clock skew: `process order.created` of notifications starts 47.9 ms before
            its parent in orders
          • clock skew: `stream wait` of notifications ends 49.4 ms before it starts

        """

    static let incomplete = """
        order.created  0190f3c8-5d2e-7c11-9a55-3b1e0c9d7f01
        trace 4bf92f3577b34da6a3ce929d0e0e4736
        end to end 25.5 ms · longest stage other, 49.0 %

        STAGE               START  DURATION    SHARE
        accept                  0   4.00 ms   15.7 %
        outbox_wait       4.00 ms   1.50 ms    5.9 %
        publish           5.50 ms    500 µs    2.0 %
        stream_wait       7.00 ms         0    0.0 %
        redelivery_wait         –         –        –
        lookup            6.00 ms   2.00 ms    7.8 %
        deliver                 –         –        –
        record            20.5 ms   5.00 ms   19.6 %
        other             8.00 ms   12.5 ms   49.0 %
        total                       25.5 ms

        clock skew
          • `process order.created`: the clock of notifications is
            at least 47.9 ms behind that of orders
          • `stream wait`: the clock of notifications is at least
            49.4 ms behind that of the broker

        missing
          • no `deliver` span under `process order.created`

        """
}
