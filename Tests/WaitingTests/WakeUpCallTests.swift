import Foundation
import Testing

@testable import Waiting

@Suite("Wake-up calls")
struct WakeUpCallTests {
    @Test("a call that came early ends the next wait, once; without one the wait ends by itself")
    func early() {
        let call = WakeUpCall()
        call.signal()
        call.signal()
        #expect(call.wait(for: .seconds(60)))
        #expect(!call.wait(for: .milliseconds(1)))
        #expect(!call.wait(for: .seconds(-1)))
        call.signal()
        call.reset()
        #expect(!call.wait(for: .zero))
    }

    @Test("a call ends the running wait")
    func running() async {
        let call = WakeUpCall()
        let thread = Thread { call.signal() }
        thread.start()
        #expect(call.wait(for: .seconds(60)))
    }

    @Test("no call is lost, however it meets the wait")
    func racing() async {
        let (call, answer) = (WakeUpCall(), WakeUpCall())
        let thread = Thread {
            for _ in 0..<20_000 {
                _ = call.wait(for: .seconds(60))
                answer.signal()
            }
        }
        thread.start()
        var answered = 0
        for _ in 0..<20_000 {
            call.signal()
            if answer.wait(for: .seconds(60)) { answered += 1 }
        }
        #expect(answered == 20_000)
    }
}
