/// RFC 3339 as Go writes it: up to nine decimals, `Z` or an offset.
enum Timestamp {
    /// Returns nanoseconds since 1970-01-01 00:00 UTC; `nil` for what is no date, and for Go's zero date.
    static func nanoseconds(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        func number(_ range: Range<Int>) -> Int? {
            guard range.upperBound <= bytes.count else { return nil }
            var value = 0
            for byte in bytes[range] {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                value = value * 10 + Int(byte - UInt8(ascii: "0"))
            }
            return value
        }
        guard
            bytes.count >= 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            year >= 1970, year < 2262, (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        var cursor = 19
        var fraction = 0
        var digits = 0
        if bytes[cursor] == UInt8(ascii: ".") {
            cursor += 1
            while cursor < bytes.count, let digit = number(cursor..<cursor + 1), digits < 9 {
                fraction = fraction * 10 + digit
                digits += 1
                cursor += 1
            }
        }
        while digits < 9 {
            fraction *= 10
            digits += 1
        }
        var offset = 0
        if cursor < bytes.count, bytes[cursor] != UInt8(ascii: "Z") {
            guard let hours = number(cursor + 1..<cursor + 3), let minutes = number(cursor + 4..<cursor + 6) else {
                return nil
            }
            offset = (hours * 60 + minutes) * (bytes[cursor] == UInt8(ascii: "-") ? -60 : 60)
        }
        let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
        return Int64(seconds) * 1_000_000_000 + Int64(fraction)
    }

    /// Writes nanoseconds since 1970-01-01 00:00 UTC, with all nine decimals.
    static func text(_ nanoseconds: Int64) -> String {
        func padded(_ number: Int64, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let nanoseconds = max(0, nanoseconds)
        let (days, seconds) = (nanoseconds / 1_000_000_000).quotientAndRemainder(dividingBy: 86_400)
        // Civil from days, counting years from March.
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
        let time = "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
        return "\(date)T\(time).\(padded(nanoseconds % 1_000_000_000, 9))Z"
    }

    /// Days since 1970-01-01 in the proleptic Gregorian calendar, counting years from March.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}
