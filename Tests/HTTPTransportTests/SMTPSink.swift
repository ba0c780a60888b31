import Synchronization

/// A mail server that keeps what it is given and answers as it is told.
final class SMTPSink: Sendable {
    struct Mail: Sendable, Hashable {
        var sender = ""
        var recipients: [String] = []
        /// The lines between `DATA` and the dot, as they came, dots still stuffed.
        var lines: [String] = []
    }

    /// Replies to a command, by its first word; others get the usual ones.
    typealias Script = [String: String]

    private struct State {
        var mails: [Mail] = []
        var commands: [String] = []
    }

    private let state = Mutex(State())
    private let server = Mutex<LoopbackServer?>(nil)

    init(_ script: Script = [:], extensions: [String] = []) throws {
        let server = try LoopbackServer { [weak self] connection in
            connection.write("220 sink\r\n")
            var mail = Mail()
            while let line = connection.readLine() {
                self?.state.withLock { $0.commands.append(line) }
                let command = line.prefix { $0 != " " }.uppercased()
                if let reply = script[command] {
                    if reply.isEmpty { return connection.waitForEnd() }
                    connection.write(reply + "\r\n")
                    continue
                }
                switch command {
                case "EHLO":
                    let replies = ["sink"] + extensions
                    for (index, reply) in replies.enumerated() {
                        connection.write("250\(index == replies.count - 1 ? " " : "-")\(reply)\r\n")
                    }
                case "MAIL":
                    mail = Mail(sender: line)
                    connection.write("250 ok\r\n")
                case "RCPT":
                    mail.recipients.append(line)
                    connection.write("250 ok\r\n")
                case "DATA":
                    connection.write("354 go on\r\n")
                    while let line = connection.readLine(), line != "." { mail.lines.append(line) }
                    self?.state.withLock { [mail] in $0.mails.append(mail) }
                    connection.write((script["."] ?? "250 taken") + "\r\n")
                case "QUIT":
                    connection.write("221 bye\r\n")
                    return
                default: connection.write("502 unknown\r\n")
                }
            }
        }
        self.server.withLock { $0 = server }
    }

    deinit {
        server.withLock { $0?.stop() }
    }

    var mails: [Mail] { state.withLock { $0.mails } }
    var commands: [String] { state.withLock { $0.commands } }
    var port: Int { Int(server.withLock { $0?.port ?? 0 }) }
}
