private import CLibFuzzer
private import Foundation

/// `fuzz --target=NAME` and libFuzzer's arguments.
@main
enum Fuzz {
    private static let option = "--target="

    static func main() {
        let name = CommandLine.arguments.first { $0.hasPrefix(option) }?.dropFirst(option.count)
        guard let name, let target = FuzzTarget.all.first(where: { $0.name == name }) else {
            let names = FuzzTarget.all.map(\.name).joined(separator: ", ")
            FileHandle.standardError.write(Data("say what to fuzz: \(option)NAME, one of \(names)\n".utf8))
            exit(2)
        }
        run = target.run
        // libFuzzer leaves arguments with two dashes alone, and passes them on to the processes that it starts.
        var count = CommandLine.argc
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
        exit(
            LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
                run(FuzzInput(UnsafeRawBufferPointer(start: bytes, count: count)))
                return 0
            }
        )
    }
}

// Written once before the first input; libFuzzer runs inputs on one thread.
nonisolated(unsafe) private var run: @Sendable (FuzzInput) -> Void = { _ in }
