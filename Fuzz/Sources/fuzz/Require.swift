private import Foundation

/// Ends the process when a property does not hold; libFuzzer then keeps the input.
func require(
    _ holds: Bool,
    _ property: @autoclosure () -> String,
    file: StaticString = #fileID,
    line: UInt = #line
) {
    if holds { return }
    // Escaped, so that the report of an input does not do to a terminal what the input wants.
    let text = "\(file):\(line): this does not hold: \(property().debugDescription)\n"
    FileHandle.standardError.write(Data(text.utf8))
    abort()
}
