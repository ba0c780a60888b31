internal import ArgumentParser

/// A time as options have it: `250ms`, `5s`, `90m`, `1h`, `2d`.
struct TimeSpan: ExpressibleByArgument {
    let duration: Duration
    private let text: String

    init(_ duration: Duration, _ text: String) {
        self.duration = duration
        self.text = text
    }

    init?(argument: String) {
        let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)]
        for (unit, milliseconds) in units where argument.hasSuffix(unit) {
            guard let count = Int(argument.dropLast(unit.count)), (0...1_000_000_000).contains(count) else { continue }
            self.init(.milliseconds(count * milliseconds), argument)
            return
        }
        return nil
    }

    var defaultValueDescription: String { text }
}
