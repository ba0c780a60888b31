import Testing

@testable import AlertEnricher

@Suite("JSON that is passed on")
struct JSONTests {
    @Test(
        "Comes out as it came in",
        arguments: [
            #"{}"#, #"[]"#, #""""#, #"null"#, #"{"b":1,"a":2,"b":3}"#, #"[1.50,-0,1e400,12345678901234567890,1E+2]"#,
            #""\ud83d\ude00 \ud800 \/ \u0026 é 😀""#, #"{"a":{"b":[true,false,null,{"c":"d"}]}}"#,
        ]
    )
    func roundTrip(text: String) throws {
        #expect(String(decoding: try JSONReader.read(Array(text.utf8)).serialized, as: UTF8.self) == text)
    }

    @Test("Only white space is lost")
    func whiteSpace() throws {
        let value = try JSONReader.read(Array(" {\n\t\"a\" : [ 1 , 2 ] ,\r\n \"b\" : \" c \" } ".utf8))
        #expect(String(decoding: value.serialized, as: UTF8.self) == #"{"a":[1,2],"b":" c "}"#)
    }

    @Test(
        "What is none is refused, and the place is named",
        arguments: [
            ("", "it ends early at byte 0"), ("{", "there is no name of a member at byte 1"),
            (#"{"a" 1}"#, "there is no colon at byte 5"), (#"{"a":1,}"#, "there is no name of a member at byte 7"),
            ("[1 2]", "an array does not end at byte 3"), ("[1,]", "there is no value at byte 3"),
            ("01", "something follows the value at byte 1"), ("1.", "a number lacks a digit at byte 2"),
            ("-", "a number lacks a digit at byte 1"), ("+1", "there is no value at byte 0"),
            ("1e", "a number lacks a digit at byte 2"), ("tru", "there is no value at byte 0"),
            ("NaN", "there is no value at byte 0"), ("\"a", "a string does not end at byte 2"),
            (#""\x""#, "there is no such escape at byte 2"),
            (#""\u00g0""#, "an escape has not four hexadecimal digits at byte 5"),
            ("\"\n\"", "a string has a control character at byte 1"),
            ("{} {}", "something follows the value at byte 3"),
        ]
    )
    func malformed(text: String, problem: String) {
        #expect { try JSONReader.read(Array(text.utf8)) } throws: { "\($0)" == problem }
    }

    @Test("Bytes that are not UTF-8 are refused")
    func notUTF8() {
        #expect { try JSONReader.read([0x22, 0xFF, 0x22]) } throws: { "\($0)" == "it is not UTF-8" }
    }

    @Test("Nesting is bounded")
    func depth() throws {
        func nested(_ depth: Int) -> [UInt8] {
            Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        _ = try JSONReader.read(nested(JSONReader.maximumDepth))
        #expect { try JSONReader.read(nested(JSONReader.maximumDepth + 1)) } throws: {
            "\($0)".contains("nested too deeply")
        }
        #expect { try JSONReader.read(Array(repeating: UInt8(ascii: "["), count: 1 << 20)) } throws: {
            "\($0)".contains("nested too deeply")
        }
    }

    @Test("Strings mean the text of their escapes, and text is escaped where it must be")
    func strings() throws {
        #expect(
            try JSONReader.read(Array(#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud800x""#.utf8)).text
                == "\"\\/\u{8}\u{c}\n\r\té😀\u{FFFD}x"
        )
        let text = "a\"b\\c\n\r\t\u{1}é😀"
        let written = JSONValue.string(JSONString(text)).serialized
        #expect(String(decoding: written, as: UTF8.self) == #""a\"b\\c\n\r\t\u0001é😀""#)
        #expect(try JSONReader.read(written).text == text)
    }
}
