/// A value that is only looked at where it is.
///
/// The compiler must copy what it reads through a pointer, and to copy a string or an array costs two atomic operations;
/// for the texts of a span that took a third of its encoding. What cannot be copied is borrowed instead.
struct Borrowed<Value>: ~Copyable {
    let value: Value
}

extension UnsafeBufferPointer {
    /// Calls a function with the elements as values that are not copied.
    @inline(__always)
    func withBorrowed<Result>(_ body: (UnsafePointer<Borrowed<Element>>, Int) -> Result) -> Result? {
        guard let baseAddress else { return nil }
        // A struct with one stored property has the layout of that property.
        return baseAddress.withMemoryRebound(to: Borrowed<Element>.self, capacity: count) { body($0, count) }
    }
}
